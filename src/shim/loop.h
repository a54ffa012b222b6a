/* The shim's only loop: descriptors by epoll (level-triggered) and a few timers, in one thread. Sources and timers are
 * the caller's memory and must be removed before it goes. */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct loop;
struct loop_source {
        int fd; /* -1: not in the loop */
        uint32_t events;
        void (*ready)(uint32_t events, void *data);
        void *data;
};
struct loop_timer {
        int64_t at; /* CLOCK_MONOTONIC, ns */
        void (*fire)(void *data);
        void *data;
        struct loop_timer *next;
        bool armed;
};

#define LOOP_BATCH 16

struct loop {
        int epoll;
        struct loop_timer *timers; /* soonest first */
        void *batch[LOOP_BATCH];   /* sources of the events that are being handled; NULL: removed meanwhile */
        bool ended;
};

int loop_init(struct loop *loop, struct error *err);
void loop_deinit(struct loop *loop);
/* The descriptor stays the caller's. `source` must not be in the loop. */
int loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events,
             void (*ready)(uint32_t events, void *data), void *data, struct error *err);
void loop_set_events(struct loop *loop, struct loop_source *source, uint32_t events);
void loop_remove(struct loop *loop, struct loop_source *source);
/* Sets or moves a timer to fire in `delay` ns. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t delay, void (*fire)(void *data), void *data);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);
/* Until `ended` is set. */
int loop_run(struct loop *loop, struct error *err);
