/* From the bytes of a log file to messages: pure. */
#pragma once

#include "shim/log-reader.h"

/* A record that is longer than this isn't one. */
#define LOG_RECORD_MAX (1 << 20)

struct log_decoder {
        struct strbuf text;           /* the message's data */
        struct strbuf attributes_raw; /* what `attributes` was parsed from */
        struct strmap attributes;
};

void log_decoder_deinit(struct log_decoder *decoder);

/* One line without its newline. Returns 1, or 0 for something that isn't a message (a torn line). */
int log_decode_json(struct log_decoder *decoder, const char *line, size_t len, struct log_message *ret);
/* One LogEntry without its lengths. */
int log_decode_local(struct log_decoder *decoder, const char *entry, size_t len, struct log_message *ret);
