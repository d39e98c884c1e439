// CSQLite: libsqlite3 for Swift (pkg-config finds the pinned one or the system's), with wrappers for what Swift cannot
// import (variadic functions, macros).
#pragma once
#include <sqlite3.h>

static inline int pv_sqlite3_keep_memory_statistics(void) {
  return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 1);
}

static inline int pv_sqlite3_db_config_flag(sqlite3 *db, int option, int value) {
  int now = 0;
  return sqlite3_db_config(db, option, value, &now);
}

// Swift does not import SQLITE_TRANSIENT, a cast of -1. It makes SQLite copy the bytes before it returns.
static inline int pv_sqlite3_bind_text_copy(sqlite3_stmt *statement, int index, const char *bytes, int length) {
  return sqlite3_bind_text(statement, index, bytes, length, SQLITE_TRANSIENT);
}
static inline int pv_sqlite3_bind_blob_copy(sqlite3_stmt *statement, int index, const void *bytes, int length) {
  return sqlite3_bind_blob(statement, index, bytes, length, SQLITE_TRANSIENT);
}
static inline void pv_sqlite3_result_text_copy(sqlite3_context *context, const char *bytes, int length) {
  sqlite3_result_text(context, bytes, length, SQLITE_TRANSIENT);
}
static inline void pv_sqlite3_result_blob_copy(sqlite3_context *context, const void *bytes, int length) {
  if (length == 0) sqlite3_result_zeroblob(context, 0);
  else sqlite3_result_blob(context, bytes, length, SQLITE_TRANSIENT);
}
