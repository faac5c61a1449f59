#include "server/tls.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/tls_caller.h"
#include "server/tls_files.h"

/*
 * TLS 1.2 and 1.3, forward secrecy and authenticated encryption only; signatures over SHA-1 and RSA keys of
 * less than 2048 bits are refused.
 */
#define PRIORITIES                                                                     \
	"SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:"          \
	"+ECDHE-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-MAC-ALL" \
	":+AEAD:-SIGN-ALL:+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-ECDSA-SHA512:"   \
	"+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384:"                   \
	"+SIGN-ECDSA-SECP521R1-SHA512:+SIGN-EDDSA-ED25519:+SIGN-RSA-PSS-SHA256:"       \
	"+SIGN-RSA-PSS-SHA384:+SIGN-RSA-PSS-SHA512:+SIGN-RSA-PSS-RSAE-SHA256:"         \
	"+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-PSS-RSAE-SHA512:+SIGN-RSA-SHA256:"        \
	"+SIGN-RSA-SHA384:+SIGN-RSA-SHA512:-GROUP-ALL:+GROUP-X25519:"                  \
	"+GROUP-SECP256R1:+GROUP-SECP384R1:%SERVER_PRECEDENCE"

/* How long what was found of a caller stands, where nothing ends it earlier. */
#define LOOK_AGAIN_S  60
#define TRY_AGAIN_S   1
#define WARN_BEFORE_S (14 * 86400)
#define WARN_EVERY_S  86400

/*
 * Bytes from a caller in his handshake; his chain of certificates is most of them. gnutls itself would gather
 * 16 MiB of one message.
 */
#define HANDSHAKE_MOST (32u * 1024u)

struct tls {
	gnutls_priority_t priorities;
	pthread_mutex_t lock;    /* over files, and what was warned of them */
	struct tls_files *files; /* in force */
	const char *warned_of;   /* of the certificate; NULL: nothing yet */
	int64_t warned_at, crl_warned_at;
	atomic_uint_fast64_t turn; /* one more with each reload */
};

struct tls_connection {
	struct tls *tls;
	struct tls_transport transport;
	bool is_shaken;
	size_t handshake_len;    /* read before that */
	struct tls_files *files; /* that the session was given */
	struct tls_caller caller;
	enum outcome outcome;
	uint64_t turn; /* when the caller was looked at; 0: not yet */
	int64_t until;
};

static int give_no_certificate(gnutls_session_t session, const gnutls_datum_t *names, int count,
	const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **certificate,
	unsigned *certificate_count, gnutls_privkey_t *key)
{
	(void)session;
	(void)names;
	(void)count;
	(void)algorithms;
	(void)algorithm_count;
	*certificate = NULL;
	*certificate_count = 0;
	*key = NULL;
	return -1;
}

void *const tls_without_certificate = (void *)give_no_certificate;

static void say_read(const struct tls_files *files)
{
	char end[CLOCK_TEXT_LEN];

	clock_write(files->not_after, end);
	log_info("tls_files_read", "certificate_ends=%s cas=%u crls=%u", end, files->ca_count,
		files->crl_count);
}

static void warn_of_certificate(struct tls *t, int64_t now)
{
	int64_t not_after = t->files->not_after;
	const char *event = now >= not_after                  ? "tls_certificate_ended"
			    : not_after - now < WARN_BEFORE_S ? "tls_certificate_ends_soon"
							      : NULL;
	char end[CLOCK_TEXT_LEN];

	if (event == NULL || (event == t->warned_of && now - t->warned_at < WARN_EVERY_S))
		return;
	clock_write(not_after, end);
	log_warning(event, "certificate_ends=%s", end);
	t->warned_of = event;
	t->warned_at = now;
}

static void warn_of_crls(struct tls *t, int64_t now)
{
	int64_t until = t->files->crls_until;

	if (until == 0 || until >= now || now - t->crl_warned_at < WARN_EVERY_S)
		return;
	log_warning("tls_crl_over", "let_in=nobody");
	t->crl_warned_at = now;
}

void tls_look(struct tls *t, int64_t now, struct tls_ends *ends)
{
	pthread_mutex_lock(&t->lock);
	warn_of_certificate(t, now);
	warn_of_crls(t, now);
	*ends = (struct tls_ends){ t->files->not_after, t->files->crls_until };
	pthread_mutex_unlock(&t->lock);
}

static void tell_of_files(struct tls *t, const struct tls_files *files)
{
	struct tls_ends unused;

	say_read(files);
	tls_look(t, clock_unix(), &unused);
}

static struct tls_files *read_files(const struct settings *s, const char *otherwise)
{
	char error[512];
	struct tls_files *files = tls_files_read(s, error, sizeof(error));

	if (files == NULL)
		log_error("tls_files_unusable", "in_force=%s reason=\"%s\"", otherwise, error);
	return files;
}

struct tls *tls_new(const struct settings *s)
{
	struct tls *t = calloc(1, sizeof(*t));
	const char *at = NULL;

	if (t == NULL || pthread_mutex_init(&t->lock, NULL) != 0) {
		free(t);
		return NULL;
	}
	atomic_init(&t->turn, 1);
	if (gnutls_priority_init(&t->priorities, PRIORITIES, &at) != 0)
		log_error("tls_not_started", "priorities_at=\"%s\"", at != NULL ? at : "");
	else
		t->files = read_files(s, "none");
	if (t->files == NULL) {
		tls_free(t);
		return NULL;
	}
	tell_of_files(t, t->files);
	return t;
}

void tls_reload(struct tls *t, const struct settings *s)
{
	struct tls_files *fresh = read_files(s, "old");

	if (fresh == NULL)
		return;
	pthread_mutex_lock(&t->lock);
	struct tls_files *old = t->files;

	t->files = fresh;
	atomic_fetch_add(&t->turn, 1);
	t->warned_of = NULL; /* what was said of others does not count */
	t->crl_warned_at = 0;
	pthread_mutex_unlock(&t->lock);
	tls_files_give_back(old);
	tell_of_files(t, fresh);
}

void tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	tls_files_give_back(t->files);
	gnutls_priority_deinit(t->priorities);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Those in force, and their turn. */
static struct tls_files *take_files(struct tls *t, uint64_t *turn)
{
	pthread_mutex_lock(&t->lock);
	struct tls_files *files = tls_files_take(t->files);

	*turn = atomic_load(&t->turn);
	pthread_mutex_unlock(&t->lock);
	return files;
}

/* gnutls's reading from the socket. */
static ssize_t pull(gnutls_transport_ptr_t connection, void *to, size_t len)
{
	struct tls_connection *c = connection;
	ssize_t got = recv(c->transport.fd, to, len, 0);
	int why = errno;

	if (c->is_shaken)
		return got;
	if (got < 0 && why == EAGAIN)
		c->transport.on_wait(c->transport.context);
	c->handshake_len += got > 0 ? (size_t)got : 0;
	errno = c->handshake_len > HANDSHAKE_MOST ? EMSGSIZE : why;
	return c->handshake_len > HANDSHAKE_MOST ? -1 : got;
}

/* A message of the handshake has been read, and nothing made of it yet. */
static int on_message(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
	const gnutls_datum_t *message)
{
	struct tls_connection *c = gnutls_db_get_ptr(session);

	(void)when;
	(void)message;
	if (incoming != 0 && type == GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY)
		return tls_caller_check_key(session);
	if (incoming != 0 && type == GNUTLS_HANDSHAKE_FINISHED && !c->is_shaken) {
		c->is_shaken = true;
		c->transport.on_shaken(c->transport.context);
	}
	return 0;
}

struct tls_connection *tls_begin(struct tls *t, const struct tls_transport *transport)
{
	struct tls_connection *c = calloc(1, sizeof(*c));
	gnutls_session_t session = transport->session;
	uint64_t turn;

	if (c == NULL)
		return NULL;
	c->tls = t;
	c->transport = *transport;
	c->files = take_files(t, &turn);
	if (gnutls_priority_set(session, t->priorities) != 0 ||
		gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, c->files->credentials) !=
			0 ||
		gnutls_session_ticket_enable_server(session, &c->files->ticket_key) != 0) {
		gnutls_credentials_clear(session);
		tls_end(c);
		return NULL;
	}
	/* Asked for and not required: who has none gets an answer that says so. */
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
	gnutls_transport_set_ptr2(session, c, (gnutls_transport_ptr_t)(intptr_t)transport->fd);
	gnutls_transport_set_pull_function(session, pull);
	/* The session's own pointer is libmicrohttpd's; there is no database of sessions. */
	gnutls_db_set_ptr(session, c);
	gnutls_handshake_set_hook_function(
		session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_POST, on_message);
	return c;
}

void tls_write_last(struct tls_connection *c, struct bytes text)
{
	if (gnutls_record_send(c->transport.session, text.at, text.len) == (ssize_t)text.len)
		gnutls_bye(c->transport.session, GNUTLS_SHUT_WR);
}

void tls_end(struct tls_connection *c)
{
	if (c == NULL)
		return;
	tls_files_give_back(c->files);
	free(c);
}

static void look_at_caller(struct tls_connection *c, int64_t now)
{
	struct tls_files *files = take_files(c->tls, &c->turn);
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(c->transport.session, &count);
	int64_t end = 0;

	c->outcome = tls_caller_read(files, chain, chain != NULL ? count : 0, &c->caller, &end);
	c->until = c->outcome == UNAUTHENTICATED ? now + TRY_AGAIN_S
		   : end < now + LOOK_AGAIN_S    ? end
						 : now + LOOK_AGAIN_S;
	tls_files_give_back(files);
}

enum outcome tls_who_calls(struct tls_connection *c, const struct tls_caller **caller)
{
	int64_t now = clock_unix();

	*caller = &c->caller;
	if (c->turn != atomic_load(&c->tls->turn) || now >= c->until)
		look_at_caller(c, now);
	return c->outcome;
}
