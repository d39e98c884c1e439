// CMicrohttpd: the system's libmicrohttpd for Swift, with wrappers for its variadic functions. One typed struct holds
// the options, so that the compiler checks each callback's signature and each integer's width.

#ifndef CMICROHTTPD_SHIM_H
#define CMICROHTTPD_SHIM_H

#include <microhttpd.h>
#include <stdint.h>

// Swift does not import macros that contain a cast.
static const uint64_t cmhd_size_unknown = MHD_SIZE_UNKNOWN;
static const ssize_t cmhd_end_of_stream = MHD_CONTENT_READER_END_OF_STREAM;
static const ssize_t cmhd_end_with_error = MHD_CONTENT_READER_END_WITH_ERROR;
/// POLLRDHUP, a GNU extension: the peer has closed its sending side.
static const short cmhd_poll_gone = 0x2000;

/// Receives the target of a request as it was sent (libmicrohttpd then decodes it in place); returns NULL.
typedef void *(*cmhd_target)(void *context, const char *target, struct MHD_Connection *connection);

struct cmhd_config {
  unsigned int flags, connection_limit;
  MHD_AccessHandlerCallback access;
  MHD_NotifyConnectionCallback connection;
  MHD_RequestCompletedCallback completed;
  cmhd_target target;
  MHD_LogCallback log;
  void *context;
  int listener;
};

/// MHD_OPTION_ARRAY reads each value in its option's width. The log comes first, so that it receives messages of the
/// start.
static inline struct MHD_Daemon *cmhd_start(const struct cmhd_config *c) {
  struct MHD_OptionItem options[] = {
      {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)c->log, c->context},
      {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)c->connection, c->context},
      {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)c->completed, c->context},
      {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)c->target, c->context},
      {MHD_OPTION_LISTEN_SOCKET, c->listener, NULL},
      {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)c->connection_limit, NULL},
      {MHD_OPTION_STRICT_FOR_CLIENT, 0, NULL},  // at 1 a missing Host gets two response heads; RequestHead checks
      {MHD_OPTION_END, 0, NULL},
  };
  return MHD_start_daemon(c->flags, 0, NULL, NULL, c->access, c->context, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

/// Closes the connection after this many seconds without a byte sent or received, counted from the answer; 0: never.
static inline void cmhd_set_idle(struct MHD_Connection *connection, unsigned int seconds) {
  MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

/// The pointer that NOTIFY_CONNECTION stored for the connection.
static inline void *cmhd_context(struct MHD_Connection *connection) {
  return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static inline int cmhd_descriptor(struct MHD_Connection *connection) {
  return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

#endif
