#include "procedures/refusals.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/imsi.h"
#include "base/log.h"
#include "procedures/refusal_bounds.h"

#define MOST_WAITING 4096u
#define WITHIN_MS    30000
#define NOBODY       "unknown"
#define SELF         "server"

struct refusal {
	struct refusals *owner;
	struct db_request request;
	bool is_stranger;
	struct db_event_in event;
	char actor[DB_ACTOR_MAX + 1], detail[DB_DETAIL_MAX + 1];
};

struct refusals {
	struct refusals_settings given;
	struct ev_loop *loop;
	ev_timer tell; /* while something is to be told */
	struct refusal_bounds *bounds;
	unsigned waiting;
	bool is_telling;
};

static void on_tell(struct ev_loop *loop, ev_timer *timer, int events);

struct refusals *refusals_new(struct ev_loop *loop, const struct refusals_settings *settings)
{
	struct refusals *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->given = *settings;
	r->loop = loop;
	ev_timer_init(&r->tell, on_tell, 0, settings->tell_every_s);
	r->tell.data = r;
	r->bounds = refusal_bounds_new();
	if (r->bounds != NULL)
		return r;
	free(r);
	return NULL;
}

void refusals_free(struct refusals *r)
{
	if (r == NULL)
		return;
	if (refusal_bounds_lost(r->bounds) > 0)
		log_warning("refusals_not_told", "count=%" PRId64, refusal_bounds_lost(r->bounds));
	ev_timer_stop(r->loop, &r->tell);
	refusal_bounds_free(r->bounds);
	free(r);
}

/* The timer runs on from the first that is lost: so one that comes after is told a second later at most. */
static void lose(struct refusals *r, const char *actor)
{
	refusal_bounds_lose(r->bounds, actor, clock_ms());
	r->given.lost(r->given.context);
	if (!ev_is_active(&r->tell))
		ev_timer_again(r->loop, &r->tell);
}

static void submit(struct refusal *one, void (*done)(struct db_request *request, enum outcome o))
{
	one->request = (struct db_request){
		.statement = DB_RECORD_EVENT,
		.row = &one->event,
		.actor = one->actor,
		.deadline_ms = clock_ms() + WITHIN_MS,
		.done = done,
	};
	one->event.detail = (struct db_text){ one->detail, strlen(one->detail) };
	db_submit(one->owner->given.db, &one->request);
}

static struct refusal *refusal_of(struct db_request *request)
{
	return (struct refusal *)(void *)((char *)request - offsetof(struct refusal, request));
}

static void on_told_lost(struct db_request *request, enum outcome o)
{
	struct refusal *one = refusal_of(request);
	struct refusals *r = one->owner;

	r->is_telling = false;
	refusal_bounds_told(r->bounds, o == FINE);
	free(one);
}

static void tell_lost(struct refusals *r)
{
	struct refusal *one = calloc(1, sizeof(*one));

	if (one == NULL)
		return;
	r->is_telling = true;
	one->owner = r;
	one->event = (struct db_event_in){
		.action = AUDIT_REFUSALS_LOST,
		.related = refusal_bounds_tell(r->bounds, one->detail),
	};
	snprintf(one->actor, sizeof(one->actor), SELF);
	submit(one, on_told_lost);
}

static void on_tell(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct refusals *r = timer->data;

	(void)events;
	if (refusal_bounds_lost(r->bounds) == 0)
		ev_timer_stop(loop, timer);
	else if (!r->is_telling)
		tell_lost(r);
}

bool refusals_are_written(struct refusals *r)
{
	if (r->waiting == 0 && !r->is_telling && refusal_bounds_lost(r->bounds) > 0)
		tell_lost(r);
	return r->waiting == 0 && !r->is_telling && refusal_bounds_lost(r->bounds) == 0;
}

static void on_recorded(struct db_request *request, enum outcome o)
{
	struct refusal *one = refusal_of(request);
	struct refusals *r = one->owner;

	r->waiting--;
	if (o != FINE)
		lose(r, one->is_stranger ? NULL : one->actor);
	free(one);
}

static bool matters(const struct txn *t)
{
	switch ((int)t->outcome) {
	case UNAUTHENTICATED:
	case ROLE_NOT_PERMITTED:
	case CERTIFICATE_UNTRUSTED:
	case CERTIFICATE_EXPIRED:
	case CERTIFICATE_REVOKED:
	case SIGNATURE_INVALID:
	case MAC_INVALID:
	case CREDENTIAL_REVOKED:
	case CREDENTIAL_EXPIRED:
	case CREDENTIAL_SUSPENDED:
	case CREDENTIAL_RETIRED:
	case DIMSI_IN_USE:
	case DEVICE_IN_USE:
		return true;
	default:
		return false;
	}
}

/* What strangers send is shown as one word of printable characters. */
static void add_word(char *detail, size_t size, const char *word)
{
	size_t len = strlen(detail);

	if (len + 2 > size)
		return;
	detail[len++] = ' ';
	for (; *word != '\0' && len + 1 < size; word++)
		detail[len++] = *word > ' ' && *word < 0x7f ? *word : '?';
	detail[len] = '\0';
}

/* An IMSI or dIMSI, with or without "imsi-"; 0 where it is none. */
static int64_t number_in(const char *word)
{
	uint64_t imsi;

	if (strncmp(word, "imsi-", 5) == 0)
		word += 5;
	return imsi_read(word, strlen(word), &imsi) ? (int64_t)imsi : 0;
}

static void describe(struct refusal *one, const struct txn *t)
{
	const char *about = t->about != NULL ? t->about : t->parameters[0];

	snprintf(one->actor, sizeof(one->actor), "%s", t->actor != NULL ? t->actor : NOBODY);
	snprintf(one->detail, sizeof(one->detail), "%s", t->procedure->name);
	one->event = (struct db_event_in){ .action = AUDIT_REFUSED, .outcome = (int)t->outcome };
	if (about == NULL)
		return;
	add_word(one->detail, sizeof(one->detail), about);
	one->event.subject = number_in(about);
}

void refusals_note(struct refusals *r, const struct txn *t)
{
	if (r == NULL || !t->services->settings->audit_is_on || !matters(t))
		return;
	bool fits =
		r->waiting < MOST_WAITING && refusal_bounds_take(r->bounds, t->actor, clock_ms());
	struct refusal *one = fits ? malloc(sizeof(*one)) : NULL;

	if (one == NULL) {
		lose(r, t->actor);
		return;
	}
	r->waiting++;
	one->owner = r;
	one->is_stranger = t->actor == NULL;
	describe(one, t);
	submit(one, on_recorded);
}
