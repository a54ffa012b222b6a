#include "network/sandbox.h"

#include "base/fd.h"
#include "network/rtnetlink.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

/* Theory of operation: unshare(CLONE_NEWNET) changes the namespace of the calling thread only. The pool's
 * thread makes namespaces that way, opens their descriptor and a netlink socket in them, and goes back to the
 * engine's own, so that an idle thread never holds a container's namespace. A taken namespace wakes the
 * thread up to make the next. */
struct sandbox_pool {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        pthread_t thread;
        bool ending, started;
        unsigned wanted;
        int home; /* the engine's namespace */
        struct sandbox *ready;
        size_t n_ready;
};

void sandbox_deinit(struct sandbox *s)
{
        rtnl_close(s->rtnl);
        if (s->netns >= 0)
                close(s->netns);
        *s = SANDBOX_NONE;
}

static int current_netns(struct error *err)
{
        int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

        return fd < 0 ? error_errno(err, "open the network namespace") : fd;
}

/* What Docker sets in a container's namespace. eth0 has IPv6 only on networks that do (sandbox_attach()). */
static int set_sysctls(struct error *err)
{
        static const struct {
                const char *path, *value;
                bool optional;
        } sysctls[] = {
                { "/proc/sys/net/ipv4/ip_unprivileged_port_start", "0", false },
                { "/proc/sys/net/ipv4/ping_group_range", "0 2147483647", false },
                { "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1", true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++)
                if (!(sysctls[i].optional && access(sysctls[i].path, F_OK) < 0) &&
                    file_write(AT_FDCWD, sysctls[i].path, sysctls[i].value, err) < 0)
                        return -1;
        return 0;
}

/* On a thread that may be moved: enters a new namespace and describes it. */
static int make_here(struct sandbox *ret, struct error *err)
{
        cleanup_sandbox struct sandbox s = SANDBOX_NONE;

        if (unshare(CLONE_NEWNET) < 0)
                return error_errno(err, "make a network namespace");
        s.netns = current_netns(err);
        if (s.netns < 0 || rtnl_open(&s.rtnl, err) < 0 || set_sysctls(err) < 0)
                return -1;
        rtnl_link_up(s.rtnl, 1, "lo");
        if (rtnl_commit(s.rtnl, err) < 0)
                return -1;
        *ret = s;
        s = SANDBOX_NONE;
        return 0;
}

static void *pool_thread(void *arg)
{
        struct sandbox_pool *pool = arg;

        pthread_mutex_lock(&pool->lock);
        for (;;) {
                struct sandbox s = SANDBOX_NONE;
                int r;

                while (!pool->ending && pool->n_ready >= pool->wanted)
                        pthread_cond_wait(&pool->changed, &pool->lock);
                if (pool->ending)
                        break;
                pthread_mutex_unlock(&pool->lock);
                r = make_here(&s, NULL);
                if (setns(pool->home, CLONE_NEWNET) < 0)
                        r = -1;
                pthread_mutex_lock(&pool->lock);
                if (r == 0)
                        ARRAY_APPEND(pool->ready, pool->n_ready, s);
                else
                        pool->wanted = 0; /* the callers' own attempts tell why */
        }
        pthread_mutex_unlock(&pool->lock);
        return NULL;
}

int sandbox_pool_new(unsigned spare, struct sandbox_pool **ret, struct error *err)
{
        struct sandbox_pool *pool = xcalloc(1, sizeof(*pool));
        int r;

        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->changed, NULL);
        pool->wanted = spare;
        pool->home = current_netns(err);
        if (pool->home < 0) {
                sandbox_pool_free(pool);
                return -1;
        }
        if (spare > 0) {
                r = pthread_create(&pool->thread, NULL, pool_thread, pool);
                if (r != 0) {
                        sandbox_pool_free(pool);
                        return error_errnum(err, r, "start a thread");
                }
                pool->started = true;
        }
        *ret = pool;
        return 0;
}

void sandbox_pool_free(struct sandbox_pool *pool)
{
        if (!pool)
                return;
        if (pool->started) {
                pthread_mutex_lock(&pool->lock);
                pool->ending = true;
                pthread_cond_signal(&pool->changed);
                pthread_mutex_unlock(&pool->lock);
                pthread_join(pool->thread, NULL);
        }
        for (size_t i = 0; i < pool->n_ready; i++)
                sandbox_deinit(&pool->ready[i]);
        free(pool->ready);
        if (pool->home >= 0)
                close(pool->home);
        pthread_mutex_destroy(&pool->lock);
        pthread_cond_destroy(&pool->changed);
        free(pool);
}

/* ---- Work on a thread of its own ---- */

struct job {
        int netns; /* -1: a new namespace */
        int (*body)(void *arg, struct error *err);
        void *arg;
        struct error *err;
        int result;
};

static void *job_thread(void *arg)
{
        struct job *job = arg;

        if (job->netns >= 0 && setns(job->netns, CLONE_NEWNET) < 0)
                job->result = error_errno(job->err, "enter a network namespace");
        else
                job->result = job->body(job->arg, job->err);
        return NULL;
}

int sandbox_run(int netns, int (*body)(void *arg, struct error *err), void *arg, struct error *err)
{
        struct job job = { .netns = netns, .body = body, .arg = arg, .err = err };
        pthread_t thread;
        int r = pthread_create(&thread, NULL, job_thread, &job);

        if (r != 0)
                return error_errnum(err, r, "start a thread");
        pthread_join(thread, NULL);
        return job.result;
}

static int make_job(void *arg, struct error *err)
{
        return make_here(arg, err);
}

int sandbox_take(struct sandbox_pool *pool, struct sandbox *ret, struct error *err)
{
        bool found = false;

        pthread_mutex_lock(&pool->lock);
        if (pool->n_ready > 0) {
                *ret = pool->ready[--pool->n_ready];
                found = true;
        }
        pthread_cond_signal(&pool->changed);
        pthread_mutex_unlock(&pool->lock);
        return found ? 0 : sandbox_run(-1, make_job, ret, err);
}

static int open_job(void *arg, struct error *err)
{
        struct sandbox *s = arg;

        return rtnl_open(&s->rtnl, err);
}

int sandbox_open(int netns, struct sandbox *ret, struct error *err)
{
        cleanup_sandbox struct sandbox s = SANDBOX_NONE;

        s.netns = fcntl(netns, F_DUPFD_CLOEXEC, 3);
        if (s.netns < 0)
                return error_errno(err, "duplicate a descriptor");
        if (sandbox_run(netns, open_job, &s, err) < 0)
                return -1;
        *ret = s;
        s = SANDBOX_NONE;
        return 0;
}
