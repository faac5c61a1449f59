#include "peers/http_client.h"

#include <stdlib.h>

#include "base/log.h"
#include "peers/http_transfer.h"

struct watch {
	struct ev_io io;
	struct http_client *client;
	struct watch *next;
};

struct http_client {
	struct ev_loop *loop;
	struct http_client_settings settings;
	CURLM *multi;
	struct ev_timer timer;       /* libcurl's */
	struct ev_timer late;        /* for what could not be begun */
	struct http_request *failed; /* linked by work */
	struct transfer *under_way;
	struct transfer *kept;
	struct watch *watches; /* not in use */
	unsigned guarded;      /* under way, and held to a policy */
};

static struct transfer *take_transfer(struct http_client *c, const struct http_request *request)
{
	struct transfer *t = c->kept;

	if (request->policy != NULL)
		return transfer_new_held(c, request->policy);
	if (t == NULL)
		return transfer_new(c, &c->settings);
	c->kept = t->next;
	return t;
}

void http_send(struct http_client *c, struct http_request *request)
{
	struct transfer *t = take_transfer(c, request);

	if (t == NULL || !transfer_set_request(t, request) ||
		curl_multi_add_handle(c->multi, t->easy) != CURLM_OK) {
		transfer_free(t);
		request->work = c->failed;
		c->failed = request;
		/* Starting it again while it waits does nothing. */
		ev_timer_start(c->loop, &c->late);
		return;
	}
	request->work = t;
	c->guarded += request->policy != NULL;
	t->previous = NULL;
	t->next = c->under_way;
	if (t->next != NULL)
		t->next->previous = t;
	c->under_way = t;
}

static void keep_transfer(struct http_client *c, struct transfer *t)
{
	if (t->identity != c->settings.identity) {
		transfer_free(t);
		return;
	}
	t->next = c->kept;
	c->kept = t;
}

/* Takes the request off its transfer, which is kept for another unless it was made for this one. */
static struct http_request *end_transfer(struct transfer *t)
{
	struct http_client *c = t->client;
	struct http_request *r = t->request;

	curl_multi_remove_handle(c->multi, t->easy);
	if (t->previous != NULL)
		t->previous->next = t->next;
	else
		c->under_way = t->next;
	if (t->next != NULL)
		t->next->previous = t->previous;
	r->work = NULL;
	if (r->policy != NULL) {
		c->guarded--;
		transfer_free(t);
		return r;
	}
	keep_transfer(c, t);
	return r;
}

/* done() may send again, so libcurl is asked anew each time. */
static void end_finished(struct http_client *c)
{
	int left;
	CURLMsg *m;

	while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
		char *own = NULL;

		if (m->msg != CURLMSG_DONE ||
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &own) != CURLE_OK)
			continue;
		struct transfer *t = (struct transfer *)(void *)own;
		enum outcome o = transfer_result(t, m->data.result);
		struct http_request *r = end_transfer(t);

		r->done(r, o);
	}
}

static void end_failed(struct http_client *c)
{
	struct http_request *r = c->failed;

	c->failed = NULL;
	while (r != NULL) {
		struct http_request *next = r->work;

		r->work = NULL;
		r->done(r, PEER_FAILED);
		r = next;
	}
}

static void on_late(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	end_failed(w->data);
}

unsigned http_client_guarded(const struct http_client *c)
{
	return c->guarded;
}

static void act(struct http_client *c, curl_socket_t fd, int events)
{
	int running;

	if (curl_multi_socket_action(c->multi, fd, events, &running) != CURLM_OK)
		log_error("peer_client_failed", "descriptor=%d", fd);
	end_finished(c);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	act(w->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket(struct ev_loop *loop, struct ev_io *w, int events)
{
	(void)loop;
	act(((struct watch *)(void *)w)->client, w->fd,
		(events & EV_READ ? CURL_CSELECT_IN : 0) |
			(events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *context)
{
	struct http_client *c = context;

	(void)multi;
	ev_timer_stop(c->loop, &c->timer);
	if (timeout_ms < 0)
		return 0;
	/* Else a late iteration would count the wait from its beginning and wake too early. */
	if (timeout_ms > 0)
		ev_now_update(c->loop);
	ev_timer_set(&c->timer, (double)timeout_ms / 1000., 0.);
	ev_timer_start(c->loop, &c->timer);
	return 0;
}

static int forget_socket(struct http_client *c, struct watch *w)
{
	if (w != NULL) {
		ev_io_stop(c->loop, &w->io);
		w->next = c->watches;
		c->watches = w;
	}
	return 0;
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
	struct http_client *c = context;
	struct watch *w = assigned;

	(void)easy;
	if (what == CURL_POLL_REMOVE)
		return forget_socket(c, w);
	if (w == NULL) {
		w = c->watches;
		if (w != NULL)
			c->watches = w->next;
		else
			w = malloc(sizeof(*w));
		if (w == NULL)
			return -1;
		w->client = c;
		ev_init(&w->io, on_socket);
		curl_multi_assign(c->multi, fd, w);
	}
	ev_io_stop(c->loop, &w->io);
	ev_io_set(&w->io, fd,
		(what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
	ev_io_start(c->loop, &w->io);
	return 0;
}

static bool set_multi(struct http_client *c)
{
	long most = (long)c->settings.most_connections;

	return curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted) == CURLM_OK &&
	       curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c) == CURLM_OK &&
	       curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted) == CURLM_OK &&
	       curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c) == CURLM_OK &&
	       curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) == CURLM_OK &&
	       curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS, most) == CURLM_OK;
}

struct http_client *http_client_new(
	struct ev_loop *loop, const struct http_client_settings *settings)
{
	struct http_client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->loop = loop;
	c->settings = *settings;
	if (settings->identity != NULL)
		http_identity_take(settings->identity);
	ev_init(&c->timer, on_timer);
	ev_timer_init(&c->late, on_late, 0., 0.);
	c->timer.data = c->late.data = c;
	c->multi = curl_multi_init();
	if (c->multi == NULL || !set_multi(c)) {
		http_client_free(c);
		return NULL;
	}
	return c;
}

static void free_kept(struct http_client *c)
{
	for (struct transfer *t = c->kept; t != NULL;) {
		struct transfer *next = t->next;

		transfer_free(t);
		t = next;
	}
	c->kept = NULL;
}

/* libcurl takes no connection again that was made as somebody else. */
void http_client_set_identity(struct http_client *c, struct http_identity *identity)
{
	free_kept(c);
	http_identity_give_back(c->settings.identity);
	c->settings.identity = identity != NULL ? http_identity_take(identity) : NULL;
}

void http_client_start(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		log_error("peer_client_failed", "reason=curl_global_init");
}

void http_client_stop(void)
{
	curl_global_cleanup();
}

void http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	while (c->under_way != NULL) {
		struct http_request *r = end_transfer(c->under_way);

		r->done(r, PEER_FAILED);
	}
	end_failed(c);
	free_kept(c);
	http_identity_give_back(c->settings.identity);
	curl_multi_cleanup(c->multi);
	ev_timer_stop(c->loop, &c->timer);
	ev_timer_stop(c->loop, &c->late);
	for (struct watch *w = c->watches; w != NULL;) {
		struct watch *next = w->next;

		free(w);
		w = next;
	}
	free(c);
}
