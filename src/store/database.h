/* The engine's one SQLite database (WAL, one connection, one mutex). Each module keeps its tables by giving
 * its `CREATE TABLE IF NOT EXISTS` statements to database_exec() when it starts. */
#pragma once

#include "base/error.h"

#include <sqlite3.h>
#include <stdint.h>

struct database;

int database_open(const char *path, struct database **ret, struct error *err);
void database_close(struct database *db); /* NULL is fine */

/* Statements without arguments, several separated by ';'. */
int database_exec(struct database *db, const char *sql, struct error *err);
/* One statement with arguments for its '?', told by the letters of `types`: s char * (NULL is NULL), i
 * int64_t, b const void * + size_t. Returns the number of rows changed or -1. */
int database_run(struct database *db, struct error *err, const char *sql, const char *types, ...);
/* As database_run() for a SELECT: `row` gets each row with `arg` (columns by sqlite3_column_*) while the
 * database is locked: it must not call the database. It returns 0 to go on, 1 to stop, -1 with `err` set.
 * Returns the rows seen. */
int database_query(struct database *db, int (*row)(sqlite3_stmt *stmt, void *arg, struct error *err),
                   void *arg, struct error *err, const char *sql, const char *types, ...);
/* Holds the mutex (recursive) and a transaction around `body`, which uses the calls above; commits on 0, else
 * rolls back. */
int database_transaction(struct database *db, int (*body)(struct database *db, void *arg, struct error *err),
                         void *arg, struct error *err);
/* As database_transaction() without waiting for the disk: it survives the death of the process, not always a power cut.
 * For what is worthless after a boot anyway. */
int database_transaction_relaxed(struct database *db, int (*body)(struct database *db, void *arg, struct error *err),
                                 void *arg, struct error *err);
/* A column's text as heap string; NULL stays NULL. */
char *database_column_string(sqlite3_stmt *stmt, int column);
