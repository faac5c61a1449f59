#include "server/identity_watch.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define FIRST_LOOK_S 1.0
#define LOOK_EVERY_S 60.0
#define WARN_EVERY_S 86400
#define WARN_WITHIN  (INT64_C(7) * 86400)

struct identity_watch {
	struct ev_loop *loop;
	const struct services *services;
	struct metrics *metrics;
	struct tls *tls;
	ev_timer look;
	const char *warned_of; /* NULL: nothing yet */
	int64_t warned_at, crl_warned_at;
};

const char *identity_watch_look(const struct own_keys *k, int64_t now, int64_t *end)
{
	const struct own_identity *used = own_keys_identity(k, now);
	const struct own_identity *last = own_keys_last_identity(k);

	*end = 0;
	if (used == NULL && (last == NULL || last->not_before > now))
		return "ibs_identity_missing";
	if (used == NULL) {
		*end = last->not_after;
		return "ibs_identity_ended";
	}
	for (; used != NULL; used = own_keys_identity(k, *end)) /* those that take over */
		*end = used->not_after;
	return *end - now <= WARN_WITHIN ? "ibs_identity_ends" : NULL;
}

static void look_at_crls(struct identity_watch *w, int64_t now)
{
	const struct services *s = w->services;
	struct crl_figures crls = {};
	char at[CLOCK_TEXT_LEN], issuer[2 * sizeof(crls.end_of) + 1];

	if (s->trust != NULL)
		trust_count_crls(s->trust, now, &crls);
	metrics_set_crls(w->metrics, &crls);
	if (crls.over == 0 || now - w->crl_warned_at < WARN_EVERY_S)
		return;
	clock_write(crls.end, at);
	hex_write(BYTES(crls.end_of), issuer);
	log_warning("crl_out_of_date", "crls=%u next_update=%s issuer=%s certificates=%s",
		crls.over, at, issuer, s->settings->stale_crl_is_open ? "accepted" : "refused");
	w->crl_warned_at = now;
}

static void look_at_listener(struct identity_watch *w, int64_t now)
{
	struct tls_ends ends;

	if (w->tls == NULL)
		return;
	tls_look(w->tls, now, &ends);
	metrics_set_tls_ends(w->metrics, ends.certificate, ends.crls);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct identity_watch *w = timer->data;
	const struct services *s = w->services;
	int64_t now = clock_unix(), end;

	(void)loop;
	(void)events;
	look_at_crls(w, now);
	look_at_listener(w, now);
	if (s->own_keys == NULL)
		return;
	const char *event = identity_watch_look(s->own_keys, now, &end);

	metrics_set_identity_end(w->metrics, end);
	if (!s->settings->ibs_is_eccsi || event == NULL)
		return;
	if (event == w->warned_of && now - w->warned_at < WARN_EVERY_S)
		return;
	char at[CLOCK_TEXT_LEN] = "none";

	if (end != 0)
		clock_write(end, at);
	log_warning(event, "not_after=%s", at);
	w->warned_of = event;
	w->warned_at = now;
}

struct identity_watch *identity_watch_new(struct ev_loop *loop, const struct services *services,
	struct metrics *metrics, struct tls *tls)
{
	struct identity_watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->loop = loop;
	w->services = services;
	w->metrics = metrics;
	w->tls = tls;
	ev_timer_init(&w->look, on_look, FIRST_LOOK_S, LOOK_EVERY_S);
	w->look.data = w;
	ev_timer_start(loop, &w->look);
	return w;
}

void identity_watch_free(struct identity_watch *w)
{
	if (w == NULL)
		return;
	ev_timer_stop(w->loop, &w->look);
	free(w);
}
