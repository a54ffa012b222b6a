#include "network/reaper.h"

#include "base/log.h"
#include "base/str.h"
#include "network/rtnetlink.h"

#include <errno.h>
#include <pthread.h>

struct link_reaper {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        pthread_t thread;
        struct rtnl *rtnl;
        char **names;
        bool busy, ending, started;
};

static void *reaper_thread(void *arg)
{
        struct link_reaper *reaper = arg;

        pthread_mutex_lock(&reaper->lock);
        for (;;) {
                cleanup_strv char **names = NULL;
                cleanup_error struct error err = { 0 };

                while (!reaper->ending && !reaper->names)
                        pthread_cond_wait(&reaper->changed, &reaper->lock);
                if (!reaper->names)
                        break;
                names = take_ptr(reaper->names);
                reaper->busy = true;
                pthread_mutex_unlock(&reaper->lock);
                for (char **name = names; *name; name++)
                        rtnl_link_delete(reaper->rtnl, *name);
                if (rtnl_commit(reaper->rtnl, &err) < 0 && err.errnum != ENODEV)
                        log_warn("%s", error_message(&err));
                pthread_mutex_lock(&reaper->lock);
                reaper->busy = false;
                pthread_cond_broadcast(&reaper->changed);
        }
        pthread_mutex_unlock(&reaper->lock);
        return NULL;
}

int link_reaper_new(struct link_reaper **ret, struct error *err)
{
        struct link_reaper *reaper = xcalloc(1, sizeof(*reaper));
        int r;

        pthread_mutex_init(&reaper->lock, NULL);
        pthread_cond_init(&reaper->changed, NULL);
        if (rtnl_open(&reaper->rtnl, err) < 0) {
                link_reaper_free(reaper);
                return -1;
        }
        r = pthread_create(&reaper->thread, NULL, reaper_thread, reaper);
        if (r != 0) {
                link_reaper_free(reaper);
                return error_errnum(err, r, "start a thread");
        }
        reaper->started = true;
        *ret = reaper;
        return 0;
}

void link_reaper_free(struct link_reaper *reaper)
{
        if (!reaper)
                return;
        if (reaper->started) {
                pthread_mutex_lock(&reaper->lock);
                reaper->ending = true;
                pthread_cond_broadcast(&reaper->changed);
                pthread_mutex_unlock(&reaper->lock);
                pthread_join(reaper->thread, NULL);
        }
        rtnl_close(reaper->rtnl);
        pthread_mutex_destroy(&reaper->lock);
        pthread_cond_destroy(&reaper->changed);
        free(reaper);
}

void link_reaper_add(struct link_reaper *reaper, const char *name)
{
        pthread_mutex_lock(&reaper->lock);
        strv_append(&reaper->names, name);
        pthread_cond_broadcast(&reaper->changed);
        pthread_mutex_unlock(&reaper->lock);
}

void link_reaper_wait(struct link_reaper *reaper)
{
        pthread_mutex_lock(&reaper->lock);
        while (reaper->names || reaper->busy)
                pthread_cond_wait(&reaper->changed, &reaper->lock);
        pthread_mutex_unlock(&reaper->lock);
}
