/* The library in C: clients that wait for their answers, and servers with one callback. For C99,
 * C++ and whatever can call C. What is not here (asynchronous calls, answers later than the
 * callback, sockets of the caller's) is in client.h and server.h.
 *
 *     httpteleport_client_options options;
 *     httpteleport_client_options_init(&options, sizeof options);
 *     options.address = "10.0.0.2:8043";
 *     httpteleport_client* client = httpteleport_client_new(&options, NULL);
 *     httpteleport_request* request = httpteleport_request_new();
 *     httpteleport_response* response = httpteleport_response_new();
 *     httpteleport_error error;
 *     if (httpteleport_client_call(client, request, response, 3000000000, &error) != 0) {
 *       fprintf(stderr, "%s\n", error.message);
 *     }
 *
 * Everything that a _new() function returns is the caller's, who gives it to the _free() function
 * of its name, once; _free(NULL) does nothing. Unless it says so, no other argument may be NULL.
 * Clients and servers: any thread, except for _free(), after which nobody may use the object.
 * Requests and responses: one thread at a time; different ones are independent.
 *
 * Texts that are passed in end with a NUL and are copied. Texts that come out are
 * httpteleport_text: they have a length, do not end with a NUL, and are good until what they are of
 * is changed or freed.
 *
 * Times are nanoseconds (_ns). Memory that cannot be had ends the program, as in C++. */
#ifndef HTTPTELEPORT_C_H_
#define HTTPTELEPORT_C_H_

#include <stddef.h>
#include <stdint.h>

#include "httpteleport/export.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct httpteleport_client httpteleport_client;
typedef struct httpteleport_server httpteleport_server;
typedef struct httpteleport_request httpteleport_request;
typedef struct httpteleport_response httpteleport_response;

/* `size` bytes at `data`, which is never NULL; no NUL follows. */
typedef struct httpteleport_text {
  const char* data;
  size_t size;
} httpteleport_text;

/* The values of httpteleport::StatusCode. */
enum httpteleport_status {
  HTTPTELEPORT_OK = 0,
  HTTPTELEPORT_INVALID_ARGUMENT =
      1,                       /* a message or an option that cannot be used; nothing was sent */
  HTTPTELEPORT_OVERLOADED = 2, /* too many requests are pending; nothing was sent */
  HTTPTELEPORT_TIMEOUT = 3,    /* the time is over; the peer may have seen the request */
  HTTPTELEPORT_CONNECT_FAILED = 4,  /* no connection to the peer; nothing was sent */
  HTTPTELEPORT_NOT_SENT = 5,        /* the connection ended before a byte of the request went out */
  HTTPTELEPORT_CONNECTION_LOST = 6, /* the connection ended; the peer may have seen the request */
  HTTPTELEPORT_PROTOCOL_ERROR = 7,  /* what the peer sent cannot be understood */
  HTTPTELEPORT_TOO_LARGE = 8,       /* over a limit of the options, or of what the link carries */
  HTTPTELEPORT_CANCELLED = 9,       /* the client is being freed */
  HTTPTELEPORT_CLOSED = 10,         /* the object takes nothing any more */
  HTTPTELEPORT_SYSTEM = 11          /* a system call failed: system_errno says how */
};

/* How a function failed. Those that take a pointer to one accept NULL; they fill it in also when
 * all went well. */
typedef struct httpteleport_error {
  int status;          /* enum httpteleport_status */
  int system_errno;    /* of the system call that failed; 0 when none is involved */
  int is_retry_safe;   /* 1: the peer has certainly not seen the request, which may be sent again */
  const char* message; /* one line; static storage; "" when status is HTTPTELEPORT_OK */
} httpteleport_error;

/* "0.1.0". Static storage. */
HTTPTELEPORT_EXPORT const char* httpteleport_library_version(void);
/* "timeout" of HTTPTELEPORT_TIMEOUT. Static storage. */
HTTPTELEPORT_EXPORT const char* httpteleport_status_name(int status);

/* Requests: GET / at first, without fields and body. */

/* Never NULL. */
HTTPTELEPORT_EXPORT httpteleport_request* httpteleport_request_new(void);
HTTPTELEPORT_EXPORT void httpteleport_request_free(httpteleport_request* request);
/* GET / again. Keeps the memory, which is what makes reuse cheap. */
HTTPTELEPORT_EXPORT void httpteleport_request_clear(httpteleport_request* request);

/* A token; case matters. */
HTTPTELEPORT_EXPORT void httpteleport_request_set_method(httpteleport_request* request,
                                                         const char* method);
/* "/path?query" or "*". */
HTTPTELEPORT_EXPORT void httpteleport_request_set_target(httpteleport_request* request,
                                                         const char* target);
/* Host, with the port if there is one. When none is set: the client's address. */
HTTPTELEPORT_EXPORT void httpteleport_request_set_host(httpteleport_request* request,
                                                       const char* host);
/* Adds one behind the others. A name or value that HTTP does not allow makes the request invalid
 * until it is cleared: calls with it fail with HTTPTELEPORT_INVALID_ARGUMENT. */
HTTPTELEPORT_EXPORT void httpteleport_request_add_field(httpteleport_request* request,
                                                        const char* name, const char* value);
/* Replaces all fields of this name, whatever its case, by one. */
HTTPTELEPORT_EXPORT void httpteleport_request_set_field(httpteleport_request* request,
                                                        const char* name, const char* value);
/* Returns how many there were. */
HTTPTELEPORT_EXPORT size_t httpteleport_request_remove_field(httpteleport_request* request,
                                                             const char* name);
/* Copies. `data` may be NULL if `size` is 0. */
HTTPTELEPORT_EXPORT void httpteleport_request_set_body(httpteleport_request* request,
                                                       const void* data, size_t size);

HTTPTELEPORT_EXPORT httpteleport_text
httpteleport_request_method(const httpteleport_request* request);
HTTPTELEPORT_EXPORT httpteleport_text
httpteleport_request_target(const httpteleport_request* request);
HTTPTELEPORT_EXPORT httpteleport_text
httpteleport_request_host(const httpteleport_request* request);
HTTPTELEPORT_EXPORT httpteleport_text
httpteleport_request_body(const httpteleport_request* request);
/* The value of the first field of this name, whatever its case; empty when there is none. */
HTTPTELEPORT_EXPORT httpteleport_text
httpteleport_request_field(const httpteleport_request* request, const char* name);
HTTPTELEPORT_EXPORT size_t httpteleport_request_field_count(const httpteleport_request* request);
/* `index` below the count; both texts empty otherwise. */
HTTPTELEPORT_EXPORT void httpteleport_request_field_at(const httpteleport_request* request,
                                                       size_t index, httpteleport_text* name,
                                                       httpteleport_text* value);

/* Responses: 200 at first, without fields and body. The rest is as with requests. */

/* Never NULL. */
HTTPTELEPORT_EXPORT httpteleport_response* httpteleport_response_new(void);
HTTPTELEPORT_EXPORT void httpteleport_response_free(httpteleport_response* response);
HTTPTELEPORT_EXPORT void httpteleport_response_clear(httpteleport_response* response);

/* 200 to 599. */
HTTPTELEPORT_EXPORT void httpteleport_response_set_status(httpteleport_response* response,
                                                          int status);
HTTPTELEPORT_EXPORT void httpteleport_response_add_field(httpteleport_response* response,
                                                         const char* name, const char* value);
HTTPTELEPORT_EXPORT void httpteleport_response_set_field(httpteleport_response* response,
                                                         const char* name, const char* value);
HTTPTELEPORT_EXPORT size_t httpteleport_response_remove_field(httpteleport_response* response,
                                                              const char* name);
HTTPTELEPORT_EXPORT void httpteleport_response_set_body(httpteleport_response* response,
                                                        const void* data, size_t size);

HTTPTELEPORT_EXPORT int httpteleport_response_status(const httpteleport_response* response);
HTTPTELEPORT_EXPORT httpteleport_text
httpteleport_response_body(const httpteleport_response* response);
HTTPTELEPORT_EXPORT httpteleport_text
httpteleport_response_field(const httpteleport_response* response, const char* name);
HTTPTELEPORT_EXPORT size_t httpteleport_response_field_count(const httpteleport_response* response);
HTTPTELEPORT_EXPORT void httpteleport_response_field_at(const httpteleport_response* response,
                                                        size_t index, httpteleport_text* name,
                                                        httpteleport_text* value);

/* Of the bytes that one end sends: httpteleport::Compression. */
enum httpteleport_compression {
  HTTPTELEPORT_FLATE = 0,          /* the best ratio */
  HTTPTELEPORT_NO_COMPRESSION = 1, /* the least CPU */
  HTTPTELEPORT_SNAPPY = 2,         /* between the two */
  HTTPTELEPORT_ZSTD = 3,           /* of v2 */
  HTTPTELEPORT_AUTO = 4            /* zstd over v2, flate over v0 */
};

/* httpteleport::Protocol. */
enum httpteleport_protocol {
  HTTPTELEPORT_PROTOCOL_AUTO = 0,
  HTTPTELEPORT_PROTOCOL_V2 = 1,
  HTTPTELEPORT_PROTOCOL_V0 = 2
};

/* What is remembered of a v2 link: httpteleport::LinkMemory. */
enum httpteleport_memory {
  HTTPTELEPORT_MEMORY_NORMAL = 0,
  HTTPTELEPORT_MEMORY_SMALL = 1,
  HTTPTELEPORT_MEMORY_LARGE = 2
};

/* What httpteleport::ClientOptions says, in its units and ranges. To be filled in by
 * httpteleport_client_options_init() first. Texts: NULL is as "". The struct only grows, at its
 * end; `size` tells the library which one the caller was compiled with. */
typedef struct httpteleport_client_options {
  size_t size;                 /* of this struct; set by httpteleport_client_options_init() */
  const char* address;         /* "host:port", "[::1]:port", "unix:/run/x.sock" or "/run/x.sock" */
  int compression;             /* enum httpteleport_compression, of requests */
  int flate_level;             /* 1, the fastest, to 9, the smallest */
  int tls;                     /* 1: by TLS; the members below that begin with tls_ hold then */
  int tls_insecure;            /* 1: the server is not verified at all */
  const char* tls_ca_file;     /* PEM of whom to trust; empty: whom the system trusts */
  const char* tls_server_name; /* to ask for and to verify; empty: the host of the address */
  const char* tls_certificate_file; /* PEM, to show when asked, with its chain; empty: none */
  const char* tls_key_file;         /* PEM, its private key */
  size_t batch_bytes;               /* a batch of this size waits no longer */
  size_t max_pending; /* requests without an answer; more fail with HTTPTELEPORT_OVERLOADED */
  size_t connections; /* real ones to the peer, 1 to 1024 */
  size_t threads;     /* that serve them, 1 to `connections` */
  size_t max_request_head_bytes;  /* the peer's limit; over it: HTTPTELEPORT_TOO_LARGE */
  size_t max_response_head_bytes; /* over it: HTTPTELEPORT_TOO_LARGE */
  size_t max_response_body_bytes; /* over it: HTTPTELEPORT_TOO_LARGE */
  int64_t max_batch_delay_ns;     /* how long a request may wait for others to share its batch */
  int64_t connect_timeout_ns;     /* and again of the handshake, and of TLS */
  int64_t idle_timeout_ns;        /* a connection that is idle is closed */
  int64_t
      read_timeout_ns; /* a peer from which nothing comes, while requests go to it, is given up */
  int64_t write_timeout_ns;   /* a peer that acknowledges nothing is given up */
  int protocol;               /* enum httpteleport_protocol */
  int zstd_level;             /* 1, the fastest, to 19, the smallest */
  int link_memory;            /* enum httpteleport_memory */
  const char* secret_headers; /* names, comma-separated, that are kept apart; empty: none */
} httpteleport_client_options;

/* Sets the defaults of httpteleport::ClientOptions. `size`: sizeof *options. */
HTTPTELEPORT_EXPORT void httpteleport_client_options_init(httpteleport_client_options* options,
                                                          size_t size);

/* NULL, and `error`, when an option cannot be used (HTTPTELEPORT_INVALID_ARGUMENT; the message
 * names it) or the system lacks something (HTTPTELEPORT_SYSTEM). Nothing is connected yet: that
 * happens with the first call, and again when a connection is lost. `options` may go. */
HTTPTELEPORT_EXPORT httpteleport_client* httpteleport_client_new(
    const httpteleport_client_options* options, httpteleport_error* error);
/* Everything that others still wait for ends with HTTPTELEPORT_CANCELLED. */
HTTPTELEPORT_EXPORT void httpteleport_client_free(httpteleport_client* client);

/* Waits for the answer, for `timeout_ns` at most; 0: without a limit. Returns a status; `response`
 * is written only when it is HTTPTELEPORT_OK. An answer of status 500 is an answer. Many threads
 * may call at one time; their requests share the connections. */
HTTPTELEPORT_EXPORT int httpteleport_client_call(httpteleport_client* client,
                                                 const httpteleport_request* request,
                                                 httpteleport_response* response,
                                                 int64_t timeout_ns, httpteleport_error* error);
/* Sends a request to which the peer gives no answer. HTTPTELEPORT_OK: it was taken; whether it
 * arrives, nobody tells. */
HTTPTELEPORT_EXPORT int httpteleport_client_post(httpteleport_client* client,
                                                 const httpteleport_request* request,
                                                 httpteleport_error* error);
/* Requests without an answer. */
HTTPTELEPORT_EXPORT size_t httpteleport_client_pending(const httpteleport_client* client);

/* What httpteleport::ServerOptions says; see httpteleport_client_options. */
typedef struct httpteleport_server_options {
  size_t size;     /* of this struct; set by httpteleport_server_options_init() */
  int compression; /* enum httpteleport_compression, of responses */
  int flate_level; /* 1, the fastest, to 9, the smallest */
  /* 1: requests of one link are handled one after the other and answered in their order. */
  int pipeline_requests;
  int tls_required; /* with a certificate, 1: clients that do not ask for TLS are refused */
  const char* tls_certificate_file; /* PEM, with its chain; empty: no TLS */
  const char* tls_key_file;         /* PEM, its private key */
  const char* tls_client_ca_file; /* clients must show a certificate that one of these has signed */
  size_t batch_bytes;             /* a batch of this size waits no longer */
  size_t workers;                 /* threads, 1 to 1024; each calls the handler */
  size_t concurrency; /* requests being handled at one time; more are answered with 429 */
  size_t max_request_head_bytes;  /* over it: 431 */
  size_t max_request_body_bytes;  /* over it: 413 */
  size_t max_response_head_bytes; /* over it: 502 */
  size_t max_response_body_bytes; /* over it: 502 */
  int64_t max_batch_delay_ns;     /* how long a response may wait for others to share its batch */
  int64_t handshake_timeout_ns;
  int64_t read_timeout_ns;    /* a link on which nothing moves is closed */
  int64_t write_timeout_ns;   /* a peer that acknowledges nothing is given up */
  int protocol;               /* enum httpteleport_protocol */
  int zstd_level;             /* 1, the fastest, to 19, the smallest */
  int link_memory;            /* enum httpteleport_memory */
  const char* secret_headers; /* names, comma-separated, that are kept apart; empty: none */
} httpteleport_server_options;

/* Sets the defaults of httpteleport::ServerOptions. `size`: sizeof *options. */
HTTPTELEPORT_EXPORT void httpteleport_server_options_init(httpteleport_server_options* options,
                                                          size_t size);

/* Answers `request` by filling in `response`; both are good until it returns, and must not be
 * freed. Called on a worker's thread, by several of them at once: it must not block. `user` is what
 * was given to httpteleport_server_new(). */
typedef void (*httpteleport_handler)(void* user, const httpteleport_request* request,
                                     httpteleport_response* response);

/* Starts the workers; nothing is listened on yet. `user` must live until the server is freed.
 * `options` may be NULL: the defaults. NULL, and `error`, as with httpteleport_client_new(). */
HTTPTELEPORT_EXPORT httpteleport_server* httpteleport_server_new(
    httpteleport_handler handler, void* user, const httpteleport_server_options* options,
    httpteleport_error* error);
/* Stops at once what has not stopped. Not inside the handler. */
HTTPTELEPORT_EXPORT void httpteleport_server_free(httpteleport_server* server);

/* Listens on "host:port", ":port" (all addresses), "[::1]:port", "unix:/run/x.sock" or
 * "/run/x.sock". Port 0: the kernel chooses. May be called several times. */
HTTPTELEPORT_EXPORT int httpteleport_server_listen(httpteleport_server* server, const char* address,
                                                   httpteleport_error* error);
/* Writes what the `index`th successful listen() listens on, counted from 0, with the port that the
 * kernel chose, and a NUL, into `buffer`; cut off to fit `size`, as by snprintf. Returns the length
 * of the whole without the NUL, 0 if there is no such address. `buffer` may be NULL if `size` is 0.
 */
HTTPTELEPORT_EXPORT size_t httpteleport_server_address(const httpteleport_server* server,
                                                       size_t index, char* buffer, size_t size);
/* Takes nothing new, lets what has begun finish for at most `drain_ns`, and returns when all is
 * over. Not inside the handler. */
HTTPTELEPORT_EXPORT void httpteleport_server_stop(httpteleport_server* server, int64_t drain_ns);
/* Returns when httpteleport_server_stop() has been called, by whomever, and is over. */
HTTPTELEPORT_EXPORT void httpteleport_server_wait(httpteleport_server* server);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* HTTPTELEPORT_C_H_ */
