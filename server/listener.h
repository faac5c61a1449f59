/* The sockets a server listens on. */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A TCP listener on "address:port" (IPv6 in brackets); `shared` adds SO_REUSEPORT, for one a reactor. -1,
 * with a sentence in error: also where there is no TLS and the address is not loopback.
 */
int listener_open(const char *address, bool shared, bool has_tls, char *error, size_t error_size);
/* A Unix socket that only its owner can open; an old one at that path is replaced. */
int listener_open_unix(const char *path, char *error, size_t error_size);

#endif
