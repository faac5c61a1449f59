/*
 * TLS of the listener (docs/protocol.md sections 1 and 12), by GnuTLS under libmicrohttpd: what a connection is
 * given before its handshake, and who its caller is.
 *
 * One struct tls serves all reactors. Its files are read by tls_new() and tls_reload(), on the main thread. A
 * connection shows the certificate that was in force when it was opened; its caller is held against the CAs in
 * force at each of his requests, which costs something only when they have changed.
 */
#ifndef SERVER_TLS_H
#define SERVER_TLS_H

#include "base/bytes.h"
#include "base/settings.h"

#define TLS_CALLER_NAME 129

struct tls;
struct tls_connection;

struct tls_caller {
	unsigned role;              /* one enum role bit; 0: none */
	char name[TLS_CALLER_NAME]; /* "<role>:<CN>", printable; "none" in the place of no role */
};

/* NULL, and logged, where the files cannot be used. */
struct tls *tls_new(const struct settings *s);
/* Reads the files anew; where they cannot be used that is logged and the old ones stay in force. */
void tls_reload(struct tls *t, const struct settings *s);
/* In unix seconds. */
struct tls_ends {
	int64_t certificate; /* of the listener */
	int64_t crls;        /* the first nextUpdate of the callers' CRLs; 0: none has one */
};
/* What ends, or has ended, is warned of at once and then daily. Any thread; call it now and then. */
void tls_look(struct tls *t, int64_t now, struct tls_ends *ends);
/* After the last connection has ended. NULL is allowed. */
void tls_free(struct tls *t);

/*
 * For a daemon's certificate callback: it has no certificate. Connections get theirs from tls_begin(); one that
 * could not does not get through its handshake.
 */
extern void *const tls_without_certificate;

/* What a connection runs over, and who is told of its handshake; on_…() are called while its session reads. */
struct tls_transport {
	void *session; /* gnutls_session_t */
	int fd;
	void (*on_wait)(
		void *context); /* the handshake has read all there is, and waits for more */
	void (*on_shaken)(void *context); /* the caller's last word of it has come */
	void *context;
};

/*
 * Before the handshake; the connection belongs to this thread from here on. NULL: no memory, and the handshake
 * would fail.
 */
struct tls_connection *tls_begin(struct tls *t, const struct tls_transport *transport);
/* Sends, as far as the socket takes it at once, and says that nothing follows. */
void tls_write_last(struct tls_connection *c, struct bytes text);
/* NULL is allowed. */
void tls_end(struct tls_connection *c);
/*
 * From on_shaken() on: who calls. FINE; UNAUTHENTICATED; ROLE_NOT_PERMITTED where his certificate names no role.
 * *caller lives until the next call.
 */
enum outcome tls_who_calls(struct tls_connection *c, const struct tls_caller **caller);

#endif
