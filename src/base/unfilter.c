#include "base/unfilter.h"

#include "base/library.h"
#include "base/mem.h"

#include <archive.h>
#include <errno.h>
#include <pthread.h>

#define ARCHIVE_FUNCTIONS(F)                                                                                 \
        F(read_new)                                                                                          \
        F(read_support_filter_xz)                                                                            \
        F(read_support_filter_bzip2)                                                                         \
        F(read_support_format_raw)                                                                           \
        F(read_support_format_empty)                                                                         \
        F(read_open)                                                                                         \
        F(read_next_header)                                                                                  \
        F(read_data)                                                                                         \
        F(read_free)                                                                                         \
        F(set_error)                                                                                         \
        F(error_string)

static struct {
#define ARCHIVE_MEMBER(name) __typeof__(archive_##name) *name;
        ARCHIVE_FUNCTIONS(ARCHIVE_MEMBER)
#undef ARCHIVE_MEMBER
} la;
static struct error load_failure;

struct unfilter {
        struct archive *archive;
        unfilter_input input;
        void *arg;
        struct error failure; /* of the input */
        bool opened, ended;
};

static void load(void)
{
#define ARCHIVE_NAME(name) "archive_" #name,
        static const char *const names[] = { ARCHIVE_FUNCTIONS(ARCHIVE_NAME) };
#undef ARCHIVE_NAME

        library_load("libarchive.so.13", names, ARRAY_SIZE(names), &la, &load_failure);
}

static la_ssize_t read_input(struct archive *a, void *arg, const void **ret)
{
        struct unfilter *u = arg;
        ssize_t n = u->input(u->arg, ret, &u->failure);

        if (n < 0)
                la.set_error(a, EIO, "read");
        return n;
}

int unfilter_new(unfilter_input input, void *arg, struct unfilter **ret, struct error *err)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        struct unfilter *u;

        pthread_once(&once, load);
        if (load_failure.kind != ERROR_NONE)
                return error_set(err, ERROR_UNAVAILABLE, "%s", error_message(&load_failure));
        u = xcalloc(1, sizeof(*u));
        u->input = input;
        u->arg = arg;
        u->archive = la.read_new();
        la.read_support_filter_xz(u->archive);
        la.read_support_filter_bzip2(u->archive);
        la.read_support_format_raw(u->archive);
        la.read_support_format_empty(u->archive);
        *ret = u;
        return 0;
}

static int failed(struct unfilter *u, struct error *err)
{
        const char *text = la.error_string(u->archive);

        if (u->failure.kind != ERROR_NONE)
                return error_move(err, &u->failure);
        return error_set(err, ERROR_INVALID, "%s", text ? text : "invalid data");
}

/* Reads the first bytes. */
static int begin(struct unfilter *u, struct error *err)
{
        struct archive_entry *entry;

        u->opened = true;
        if (la.read_open(u->archive, u, NULL, read_input, NULL) != ARCHIVE_OK)
                return failed(u, err);
        switch (la.read_next_header(u->archive, &entry)) {
        case ARCHIVE_OK:
                return 0;
        case ARCHIVE_EOF:
                u->ended = true;
                return 0;
        default:
                return failed(u, err);
        }
}

ssize_t unfilter_read(struct unfilter *u, void *buffer, size_t len, struct error *err)
{
        la_ssize_t n;

        if (!u->opened && begin(u, err) < 0)
                return -1;
        if (u->ended)
                return 0;
        n = la.read_data(u->archive, buffer, len);
        return n < 0 ? failed(u, err) : (ssize_t)n;
}

void unfilter_free(struct unfilter *u)
{
        if (!u)
                return;
        la.read_free(u->archive);
        error_clear(&u->failure);
        free(u);
}
