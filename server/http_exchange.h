/*
 * One HTTP request from its head to its answer, for server/http.c: the two share struct http and
 * nothing else includes this.
 */
#ifndef SERVER_HTTP_EXCHANGE_H
#define SERVER_HTTP_EXCHANGE_H

#include <ev.h>
#include <microhttpd.h>

#include "server/http.h"
#include "server/routes.h"

struct http {
	struct MHD_Daemon *daemon;
	struct ev_loop *loop;
	ev_io readable;
	ev_timer timeout;
	struct http_settings settings;
	struct exchange *ended, **ended_last; /* to be resumed */
	unsigned under_way;
	size_t body_bytes; /* of bodies being read, and of those whose answers have not been sent */
	bool has_work, is_quiesced, is_stopping;
	struct http_handshake *waiting, *suspended; /* over TLS */
};

/* One request and the duty to answer it; lies in its transaction's arena. */
struct exchange {
	struct http *http;
	struct MHD_Connection *connection;
	struct txn *txn;
	const struct route *route; /* NULL: refused at its head */
	enum outcome refusal;      /* known before the transaction begins */
	const char *allow;
	uint8_t *body;
	size_t body_len, body_cap, body_held, dropped;
	bool has_begun, has_ended; /* the transaction; the answer may be queued */
	bool is_late;              /* and was answered so, past the library */
	bool is_last;              /* of its connection: where it ends cannot be told */
	unsigned owners;           /* the connection, and the response once it is made */
	struct exchange *next;
};

/*
 * libmicrohttpd's access handler: called with the head, with each piece of the body, at the body's end, and
 * once more after the connection was resumed.
 */
enum MHD_Result exchange_on_request(void *http, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *piece, size_t *piece_len,
	void **exchange);
/* Its notice of completion: also where the client went away before there was an answer. */
void exchange_on_completed(void *http, struct MHD_Connection *connection, void **exchange,
	enum MHD_RequestTerminationCode code);

#endif
