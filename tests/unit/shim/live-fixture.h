/* A container of busybox under a davit-shim that is driven through client.h. */
#pragma once

#include "suite.h"

#include "shim/client.h"

#define OK(call)                                                                                             \
        do {                                                                                                 \
                struct error _err = { 0 };                                                                   \
                struct error *err = &_err;                                                                   \
                ck_assert_msg((call) >= 0, "%s: %s", #call, error_message(err));                             \
        } while (0)

struct live {
        char folder[40];
        char *id, *socket, *program;
        struct shim_config config;
        int shim, watcher;
        bool tty;
        const char *health;
};

void live_setup(struct live *f); /* needs root, davit-shim beside this program and a static busybox */
/* Writes the bundle of a container that runs `script`, spawns its shim, connects and subscribes. */
void live_prepare(struct live *f, const char *script);
void live_start(struct live *f, const char *script); /* prepares, too */
/* The next event of this kind; others are dropped. */
struct shim_event live_wait_event(struct live *f, const char *kind);
int live_wait_exit(struct live *f);
struct container_state live_load_state(struct live *f);
void live_expect_log(struct live *f, const char *wanted);
void live_teardown(struct live *f); /* waits for the shim's own end */
/* A client's end of a connection; the shim has the other. */
int live_attach(struct live *f, struct shim_attach_options options);
struct shim_attach_options live_all_streams(void);
/* All that comes until the end; heap. Frames are taken apart, those of stderr get an E in front. */
char *live_read_client(int fd, bool framed);
void live_expect_client(int fd, bool framed, const char *wanted);
