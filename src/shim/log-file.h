/* A rotated file of records: LOG, LOG.1 (the youngest of the old ones), … LOG.(max_files - 1). */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <sys/types.h>

struct log_file {
        char *path;
        int fd;
        off_t size;
        int64_t max_size; /* -1: unlimited */
        int max_files;
        struct strbuf batch; /* whole records, not yet written */
};

/* Opens or creates it, and ends a record that a crash left torn. */
int log_file_open(struct log_file *file, const char *path, int64_t max_size, int max_files, bool line_records,
                  struct error *err);
/* To be called before each record is added to `batch`: flushes and rotates when the file is full. */
int log_file_make_room(struct log_file *file, struct error *err);
/* Writes the batch. When the disk is full, what was written of it is taken back and the batch is dropped. */
int log_file_flush(struct log_file *file, struct error *err);
void log_file_close(struct log_file *file);
