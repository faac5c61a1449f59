#include "procedures/refusals.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/imsi.h"

#define MOST_WAITING 4096u
#define WITHIN_MS    30000
#define NOBODY       "unknown"
/* Of callers that nobody knows, each second: whoever can open a connection must not fill the disk. */
#define STRANGERS_MOST 100u
#define SECOND_MS      1000
#define SELF           "server"

struct refusal {
	struct refusals *owner;
	struct db_request request;
	struct db_event_in event;
	char actor[DB_ACTOR_MAX + 1], detail[DB_DETAIL_MAX + 1];
};

struct refusals {
	struct db *db;
	void (*on_lost)(void *context);
	void *context;
	unsigned waiting;
	int64_t lost; /* since that was last written */
	bool is_telling;
	int64_t second_ms;  /* when the present second began */
	unsigned strangers; /* recorded in it */
};

struct refusals *refusals_new(struct db *db, void (*lost)(void *context), void *context)
{
	struct refusals *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->db = db;
	r->on_lost = lost;
	r->context = context;
	return r;
}

void refusals_free(struct refusals *r)
{
	free(r);
}

static void lose(struct refusals *r)
{
	r->lost++;
	r->on_lost(r->context);
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
	db_submit(one->owner->db, &one->request);
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
	if (o == FINE)
		r->lost -= one->event.related;
	free(one);
}

static void tell_lost(struct refusals *r)
{
	struct refusal *one = calloc(1, sizeof(*one));

	if (one == NULL)
		return;
	r->is_telling = true;
	one->owner = r;
	one->event = (struct db_event_in){ .action = AUDIT_REFUSALS_LOST, .related = r->lost };
	snprintf(one->actor, sizeof(one->actor), SELF);
	submit(one, on_told_lost);
}

static void on_recorded(struct db_request *request, enum outcome o)
{
	struct refusal *one = refusal_of(request);
	struct refusals *r = one->owner;

	free(one);
	r->waiting--;
	if (o != FINE)
		lose(r);
	else if (r->lost > 0 && !r->is_telling)
		tell_lost(r);
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

static bool is_stranger_too_many(struct refusals *r, const struct txn *t)
{
	int64_t now = clock_ms();

	if (t->actor != NULL)
		return false;
	if (now - r->second_ms >= SECOND_MS) {
		r->second_ms = now;
		r->strangers = 0;
	}
	return r->strangers++ >= STRANGERS_MOST;
}

void refusals_note(struct refusals *r, const struct txn *t)
{
	if (r == NULL || !t->services->settings->audit_is_on || !matters(t))
		return;
	bool fits = r->waiting < MOST_WAITING && !is_stranger_too_many(r, t);
	struct refusal *one = fits ? malloc(sizeof(*one)) : NULL;

	if (one == NULL) {
		lose(r);
		return;
	}
	r->waiting++;
	one->owner = r;
	describe(one, t);
	submit(one, on_recorded);
}
