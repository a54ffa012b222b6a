#include "store/database.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdarg.h>

struct database {
        sqlite3 *sqlite;
        pthread_mutex_t lock; /* recursive: a transaction holds it around the calls in its body */
        int depth;            /* of transactions */
};

static int failed(struct database *db, const char *what, struct error *err)
{
        return error_set(err, ERROR_SYSTEM, "database: %s: %s", what, sqlite3_errmsg(db->sqlite));
}

int database_exec(struct database *db, const char *sql, struct error *err)
{
        int r;

        pthread_mutex_lock(&db->lock);
        r = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(db, "execute", err);
        pthread_mutex_unlock(&db->lock);
        return r;
}

static void lock_init(pthread_mutex_t *lock)
{
        pthread_mutexattr_t attributes;

        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
        pthread_mutex_init(lock, &attributes);
        pthread_mutexattr_destroy(&attributes);
}

int database_open(const char *path, struct database **ret, struct error *err)
{
        struct database *db = xcalloc(1, sizeof(*db));

        lock_init(&db->lock);
        if (sqlite3_open_v2(path, &db->sqlite,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                            NULL) != SQLITE_OK) {
                error_set(err, ERROR_SYSTEM, "database %s: %s", path, sqlite3_errmsg(db->sqlite));
                database_close(db);
                return -1;
        }
        /* One process has it: no lock per query and no shared memory (locking_mode comes before WAL for that). FULL
         * flushes the log at every commit: what was answered survives a power cut. A small cache is enough. */
        if (database_exec(db,
                          "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                          "PRAGMA cache_size=-512; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;",
                          err) < 0) {
                database_close(db);
                return -1;
        }
        *ret = db;
        return 0;
}

void database_close(struct database *db)
{
        if (!db)
                return;
        sqlite3_close_v2(db->sqlite);
        pthread_mutex_destroy(&db->lock);
        free(db);
}

/* The list was started by the caller, which the analyzer does not see.
 * NOLINTBEGIN(clang-analyzer-valist.Uninitialized) */
static void bind_argument(sqlite3_stmt *stmt, int index, char type, va_list *args)
{
        const void *data;

        switch (type) {
        case 's':
                sqlite3_bind_text(stmt, index, va_arg(*args, const char *), -1, SQLITE_TRANSIENT);
                return;
        case 'i':
                sqlite3_bind_int64(stmt, index, va_arg(*args, int64_t));
                return;
        case 'b':
                data = va_arg(*args, const void *);
                sqlite3_bind_blob64(stmt, index, data, va_arg(*args, size_t), SQLITE_TRANSIENT);
                return;
        default:
                abort();
        }
}
/* NOLINTEND(clang-analyzer-valist.Uninitialized) */

static sqlite3_stmt *prepare(struct database *db, const char *sql, const char *types, va_list *args,
                             struct error *err)
{
        sqlite3_stmt *stmt;

        if (sqlite3_prepare_v2(db->sqlite, sql, -1, &stmt, NULL) != SQLITE_OK) {
                failed(db, sql, err);
                return NULL;
        }
        for (int i = 0; types[i]; i++)
                bind_argument(stmt, i + 1, types[i], args);
        return stmt;
}

int database_run(struct database *db, struct error *err, const char *sql, const char *types, ...)
{
        sqlite3_stmt *stmt;
        va_list args;
        int r = -1;

        pthread_mutex_lock(&db->lock);
        va_start(args, types);
        stmt = prepare(db, sql, types, &args, err);
        va_end(args);
        if (stmt) {
                int step;

                while ((step = sqlite3_step(stmt)) == SQLITE_ROW)
                        ;
                r = step == SQLITE_DONE ? sqlite3_changes(db->sqlite) : failed(db, "write", err);
                sqlite3_finalize(stmt);
        }
        pthread_mutex_unlock(&db->lock);
        return r;
}

static int each_row(struct database *db, sqlite3_stmt *stmt,
                    int (*row)(sqlite3_stmt *stmt, void *arg, struct error *err), void *arg,
                    struct error *err)
{
        int step, count = 0;

        while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
                int r = row ? row(stmt, arg, err) : 0;

                if (r < 0)
                        return -1;
                count++;
                if (r > 0)
                        return count;
        }
        return step == SQLITE_DONE ? count : failed(db, "read", err);
}

int database_query(struct database *db, int (*row)(sqlite3_stmt *stmt, void *arg, struct error *err),
                   void *arg, struct error *err, const char *sql, const char *types, ...)
{
        sqlite3_stmt *stmt;
        va_list args;
        int r = -1;

        pthread_mutex_lock(&db->lock);
        va_start(args, types);
        stmt = prepare(db, sql, types, &args, err);
        va_end(args);
        if (stmt) {
                r = each_row(db, stmt, row, arg, err);
                sqlite3_finalize(stmt);
        }
        pthread_mutex_unlock(&db->lock);
        return r;
}

/* Inner transactions are part of the outer one. */
int database_transaction(struct database *db, int (*body)(struct database *db, void *arg, struct error *err),
                         void *arg, struct error *err)
{
        int r = 0;

        pthread_mutex_lock(&db->lock);
        if (db->depth == 0)
                r = database_exec(db, "BEGIN IMMEDIATE", err);
        if (r == 0) {
                db->depth++;
                r = body(db, arg, err);
                db->depth--;
                if (db->depth == 0 && r == 0)
                        r = database_exec(db, "COMMIT", err);
                if (db->depth == 0 && r < 0)
                        database_exec(db, "ROLLBACK", NULL);
        }
        pthread_mutex_unlock(&db->lock);
        return r;
}

int database_transaction_relaxed(struct database *db,
                                 int (*body)(struct database *db, void *arg, struct error *err), void *arg,
                                 struct error *err)
{
        bool outermost;
        int r;

        pthread_mutex_lock(&db->lock);
        outermost = db->depth == 0;
        if (outermost)
                database_exec(db, "PRAGMA synchronous=NORMAL", NULL);
        r = database_transaction(db, body, arg, err);
        if (outermost)
                database_exec(db, "PRAGMA synchronous=FULL", NULL);
        pthread_mutex_unlock(&db->lock);
        return r;
}

char *database_column_string(sqlite3_stmt *stmt, int column)
{
        return xstrdup((const char *)sqlite3_column_text(stmt, column));
}
