#include "server/http_exchange.h"

#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/secret.h"
#include "procedures/refusals.h"
#include "server/http_caller.h"
#include "server/http_connection.h"
#include "server/http_head.h"
#include "server/problem.h"

#define SINGLE_MEMORY (512u * 1024u)
#define LIST_MEMORY \
	(4u * 1024u * 1024u) /* a page of 1,000 rows, and the shorter texts it grew from */
#define BATCH_MEMORY   (64u * 1024u * 1024u)
#define PATH_MAX_LEN   255u
#define REQUEST_ID_MAX 128u
#define RETRY_AFTER_S  "1"
/* Bytes of a refused body that are read and dropped, so that its sender gets to the answer. */
#define DROP_MOST   (32u * 1024u * 1024u)
#define FIRST_BODY  4096u
#define BODIES_MOST (256u * 1024u * 1024u)

/* The procedure of requests that are refused at their head: it has no steps. */
static const struct procedure refused = { .name = "refused", .state_size = 1 };

static void on_txn_ended(struct txn *t)
{
	struct exchange *x = t->owner;

	x->has_ended = true;
	x->next = NULL;
	*x->http->ended_last = x;
	x->http->ended_last = &x->next;
}

static const char *header(struct exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

static bool is_json(struct exchange *x)
{
	static const char json[] = "application/json";
	const char *type = header(x, MHD_HTTP_HEADER_CONTENT_TYPE);

	if (type == NULL || strncasecmp(type, json, sizeof(json) - 1) != 0)
		return false;
	char after = type[sizeof(json) - 1];

	return after == '\0' || after == ';' || after == ' ';
}

/* What can be said of a request from its head alone. */
static enum outcome look_at_head(struct exchange *x, const struct route_match *match,
	const struct http_caller *caller, const char *fault)
{
	const struct http *h = x->http;
	const char *length = header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);

	if (caller->refusal != FINE) /* before a word of what there is */
		return caller->refusal;
	if (fault != NULL)
		return txn_refuse(x->txn, MALFORMED_REQUEST, fault);
	if (!match->path_known)
		return RESOURCE_NOT_FOUND;
	if (match->route == NULL)
		return METHOD_NOT_ALLOWED;
	if ((match->route->roles & caller->roles) == 0)
		return ROLE_NOT_PERMITTED;
	if (length != NULL && strtoull(length, NULL, 10) > match->route->most_body &&
		match->route->has_body)
		return PAYLOAD_TOO_LARGE;
	if (match->route->has_body && !is_json(x))
		return UNSUPPORTED_MEDIA_TYPE;
	if (engine_is_full(h->settings.engine, 0))
		return txn_refuse(x->txn, OVERLOADED, "Too many transactions are under way.");
	return FINE;
}

/* A request id from outside is taken over where it is one word of sane length. */
static const char *request_id(struct exchange *x)
{
	static _Thread_local uint64_t made;
	const char *given = header(x, "X-Request-Id");
	size_t len = given != NULL ? strlen(given) : 0;
	bool good = len > 0 && len <= REQUEST_ID_MAX;

	for (size_t i = 0; good && i < len; i++)
		good = given[i] > ' ' && given[i] < 0x7f;
	if (good)
		return arena_copy(x->txn->arena, given, len);
	if (made == 0 && getentropy(&made, sizeof(made)) != 0)
		made = (uint64_t)(uintptr_t)x;
	made = made * 6364136223846793005u + 1442695040888963407u;
	return arena_printf(x->txn->arena, "%016llx", (unsigned long long)made);
}

/* A parameter that is lost would be a filter that lets everything pass. */
static enum MHD_Result add_query(
	void *exchange, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct exchange *x = exchange;

	(void)kind;
	if (!txn_add_query(x->txn, key, value != NULL ? value : ""))
		x->refusal = NO_MEMORY;
	return x->refusal == FINE ? MHD_YES : MHD_NO;
}

static size_t memory_of(const struct route *route)
{
	if (route == NULL)
		return SINGLE_MEMORY;
	if (route->most_body > SINGLE_MEMORY)
		return BATCH_MEMORY;
	return (route->roles & ROLE_AUDITOR) != 0 && !route->has_body ? LIST_MEMORY : SINGLE_MEMORY;
}

static struct exchange *new_exchange(struct http *h, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version)
{
	const char *fault = http_head_find_fault(connection, version);
	struct route_match match;
	struct http_caller caller;
	char path[PATH_MAX_LEN + 1];

	url = http_head_path(url);
	size_t len = strlen(url);
	memcpy(path, url, len <= PATH_MAX_LEN ? len + 1 : 0);
	if (len > PATH_MAX_LEN)
		path[0] = '\0';
	routes_find(method, path, &match);
	http_caller_find(h, connection, &caller);
	const struct route *route = caller.refusal == FINE ? match.route : NULL;
	struct txn *t = engine_new_txn(h->settings.engine,
		route != NULL && route->procedure != NULL ? route->procedure : &refused,
		memory_of(route));
	struct exchange *x = t != NULL ? arena_alloc(t->arena, sizeof(*x)) : NULL;

	if (x == NULL) {
		if (t != NULL)
			engine_end_txn(h->settings.engine, t);
		return NULL;
	}
	x->owners = 1;
	x->http = h;
	x->connection = connection;
	x->txn = t;
	x->allow = arena_copy(t->arena, match.allow, strlen(match.allow));
	if (t->procedure->is_confidential)
		arena_make_confidential(t->arena);
	t->owner = x;
	t->ended = on_txn_ended;
	t->request_id = request_id(x);
	if (caller.name[0] != '\0' && t->services->settings->audit_is_on)
		t->actor = arena_copy(t->arena, caller.name, strlen(caller.name));
	for (unsigned i = 0; i < TXN_PARAMETERS; i++)
		if (match.parameters[i] != NULL)
			t->parameters[i] = arena_copy(
				t->arena, match.parameters[i], strlen(match.parameters[i]));
	x->is_last = fault != NULL;
	x->refusal = look_at_head(x, &match, &caller, fault);
	if (x->refusal == FINE)
		MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_query, x);
	x->route = x->refusal == FINE ? route : NULL;
	return x;
}

/*
 * Room for `need` bytes, twice as much as before: what is stated of a body's length is not believed, and all
 * bodies of a listener share a budget.
 */
static enum outcome grow_body(struct exchange *x, size_t need, size_t most)
{
	size_t cap = 2 * need > FIRST_BODY ? 2 * need : FIRST_BODY;

	cap = cap < most ? cap : most;
	if (x->http->body_bytes + cap > BODIES_MOST)
		return txn_refuse(x->txn, OVERLOADED, "Too many bodies are being read.");
	uint8_t *grown = arena_alloc(x->txn->arena, cap);

	if (grown == NULL)
		return NO_MEMORY;
	if (x->body_len > 0)
		memcpy(grown, x->body, x->body_len);
	x->body = grown;
	x->body_cap = cap;
	x->body_held += cap;
	x->http->body_bytes += cap;
	return FINE;
}

/* Keeps a piece of the body, or drops it where the request is refused anyway. False: enough dropped. */
static bool keep_piece(struct exchange *x, const char *at, size_t len)
{
	size_t most = x->route != NULL ? x->route->most_body : 0;
	/* others' bodies mean nothing */
	bool is_wanted = x->refusal == FINE && x->route->has_body && !x->is_late;

	if (is_wanted && len > most - x->body_len)
		x->refusal = PAYLOAD_TOO_LARGE;
	if (is_wanted && x->refusal == FINE && len > x->body_cap - x->body_len)
		x->refusal = grow_body(x, x->body_len + len, most);
	if (!is_wanted || x->refusal != FINE) {
		x->dropped += len;
		return x->dropped <= DROP_MOST;
	}
	memcpy(x->body + x->body_len, at, len);
	x->body_len += len;
	return true;
}

static void free_text(void *text)
{
	free(text);
}

/* GET /metrics is no procedure: it reads counters of all reactors. */
static enum outcome write_metrics(struct exchange *x)
{
	struct txn *t = x->txn;
	size_t len;
	char *text = metrics_write(
		x->http->settings.all_metrics, x->http->settings.all_metrics_count, &len);

	if (text == NULL || !arena_on_free(t->arena, free_text, text)) {
		free(text);
		return NO_MEMORY;
	}
	t->answer = (struct answer){
		.status = 200, .content_type = "text/plain; version=0.0.4", .body = text, .len = len
	};
	return FINE;
}

static void give_up(struct exchange *x)
{
	if (--x->owners > 0)
		return;
	x->http->body_bytes -= x->body_held;
	x->http->under_way -= x->has_begun ? 1 : 0;
	engine_end_txn(x->http->settings.engine, x->txn);
}

static void on_answer_sent(void *exchange)
{
	give_up(exchange);
}

/* What the response points at lives until it has been sent: the response owns the exchange as well. */
static enum MHD_Result queue_answer(struct exchange *x)
{
	struct answer *a = &x->txn->answer;
	enum outcome outcome = x->txn->outcome;
	struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
		a->len, (void *)(uintptr_t)(a->body != NULL ? a->body : ""), on_answer_sent, x);

	if (response == NULL)
		return MHD_NO;
	x->owners++;
	if (a->body != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
			a->content_type != NULL ? a->content_type : "application/json");
	if (x->txn->request_id != NULL)
		MHD_add_response_header(response, "X-Request-Id", x->txn->request_id);
	if (a->location != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, a->location);
	if (a->status == 503)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
	/* So that the caller goes elsewhere with its next request, or a stranger nowhere; or nobody could say what is next. */
	if (x->http->is_quiesced || outcome == UNAUTHENTICATED || x->is_last)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (outcome == METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, x->allow);
	enum MHD_Result queued = MHD_queue_response(x->connection, (unsigned)a->status, response);

	MHD_destroy_response(response);
	return queued;
}

static enum MHD_Result answer_at_once(struct exchange *x, enum outcome o)
{
	x->txn->outcome = o;
	if (o != FINE) {
		problem_answer(x->txn);
		metrics_count_refusal(x->http->settings.metrics, o);
		refusals_note(x->txn->services->refusals, x->txn);
	}
	return queue_answer(x);
}

/* A body can be long in coming: who was let in at its beginning may have been shut out since. */
static enum outcome look_at_caller_again(struct exchange *x)
{
	struct http_caller caller;

	http_caller_find(x->http, x->connection, &caller);
	if (caller.refusal != FINE)
		return caller.refusal;
	return (x->route->roles & caller.roles) != 0 ? FINE : ROLE_NOT_PERMITTED;
}

static enum MHD_Result begin(struct exchange *x)
{
	struct http *h = x->http;

	if (x->refusal == FINE && x->body_len > 0)
		x->refusal = look_at_caller_again(x);
	if (x->refusal == FINE && h->is_stopping)
		x->refusal = txn_refuse(x->txn, OVERLOADED, "The server is stopping.");
	if (x->refusal == FINE && engine_is_full(h->settings.engine, 1))
		x->refusal = txn_refuse(x->txn, OVERLOADED, "Too many transactions are under way.");
	if (x->refusal == FINE && x->route->procedure == NULL)
		return answer_at_once(x, write_metrics(x));
	if (x->refusal != FINE)
		return answer_at_once(x, x->refusal);
	x->txn->body = bytes_of(x->body, x->body_len);
	h->under_way++;
	x->has_begun = true;
	MHD_suspend_connection(x->connection);
	engine_begin(h->settings.engine, x->txn);
	return MHD_YES;
}

/*
 * A piece of a body lies in the connection's read buffer, which is the library's own and outlives the
 * request. What was refused at its head may have been meant for any procedure.
 */
static void wipe_piece(const struct exchange *x, const char *piece, size_t len)
{
	if (x->route == NULL || x->txn->procedure->is_confidential)
		wipe((void *)(uintptr_t)piece, len);
}

/* A refused body that has no certain end, or is so long that reading it to its end is out of the question. */
static bool is_hopeless(struct exchange *x)
{
	const char *length = header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return x->is_last ||
	       (x->refusal != FINE && length != NULL && strtoull(length, NULL, 10) > DROP_MOST);
}

enum MHD_Result exchange_on_request(void *context, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *piece,
	size_t *piece_len, void **exchange)
{
	struct http_connection *c = http_connection_of(connection);
	struct exchange *x = *exchange;

	if (c == NULL)
		return MHD_NO; /* what had come before it was shut down */
	if (x == NULL) {
		x = new_exchange(context, connection, url, method, version);
		if (x == NULL)
			return MHD_NO;
		*exchange = x;
		http_reading_begin(c->reading, x);
		/* A body that is refused is read and dropped, so that its sender gets to the answer. */
		if (!is_hopeless(x))
			return MHD_YES;
		http_reading_end(c->reading);
		return answer_at_once(x, x->refusal);
	}
	if (x->is_late && *piece_len == 0)
		return MHD_NO;
	if (*piece_len > 0) {
		bool more = keep_piece(x, piece, *piece_len);

		wipe_piece(x, piece, *piece_len);
		*piece_len = 0;
		return more ? MHD_YES : MHD_NO;
	}
	http_reading_end(c->reading);
	return x->has_ended ? queue_answer(x) : begin(x);
}

void exchange_on_completed(void *context, struct MHD_Connection *connection, void **exchange,
	enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *exchange;
	struct http_connection *c = http_connection_of(connection);

	(void)context;
	(void)code;
	*exchange = NULL;
	if (x != NULL)
		give_up(x);
	if (c != NULL)
		http_reading_expect(c->reading);
}
