#include "procedures/refusal_bounds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WHOLE \
	1000 /* a bound is counted in thousandths: as many a millisecond come back as may be a second */

struct bound {
	char name[DB_ACTOR_MAX + 1];
	int64_t a_second, at_once;
	int64_t left, at_ms; /* thousandths, as of then */
	int64_t lost, telling;
};

struct refusal_bounds {
	struct bound strangers, others;
	struct bound callers[CALLERS_APART]; /* without a name: free */
};

static void open_bound(struct bound *b, const char *name, int64_t a_second, int64_t at_once)
{
	*b = (struct bound){ .a_second = a_second, .at_once = at_once, .left = at_once * WHOLE };
	snprintf(b->name, sizeof(b->name), "%s", name);
}

struct refusal_bounds *refusal_bounds_new(void)
{
	struct refusal_bounds *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	open_bound(&b->strangers, "", STRANGERS_A_SECOND, STRANGERS_AT_ONCE);
	open_bound(&b->others, "", CALLER_A_SECOND, CALLER_AT_ONCE);
	return b;
}

void refusal_bounds_free(struct refusal_bounds *b)
{
	free(b);
}

static void refill(struct bound *b, int64_t now_ms)
{
	int64_t most = b->at_once * WHOLE;
	int64_t passed = now_ms - b->at_ms;

	b->at_ms = now_ms;
	b->left = passed >= most / b->a_second || b->left + passed * b->a_second > most
			  ? most
			  : b->left + passed * b->a_second;
}

/* Nothing is forgotten with it. */
static bool is_idle(struct bound *b, int64_t now_ms)
{
	if (b->name[0] == '\0')
		return true;
	refill(b, now_ms);
	return b->left == b->at_once * WHOLE && b->lost == 0;
}

static struct bound *find_bound(struct refusal_bounds *b, const char *actor, int64_t now_ms)
{
	struct bound *idle = NULL;

	if (actor == NULL || actor[0] == '\0')
		return &b->strangers;
	for (size_t i = 0; i < CALLERS_APART; i++) {
		struct bound *one = &b->callers[i];

		if (one->name[0] != '\0' && strncmp(one->name, actor, DB_ACTOR_MAX) == 0)
			return one;
	}
	for (size_t i = 0; i < CALLERS_APART && idle == NULL; i++)
		idle = is_idle(&b->callers[i], now_ms) ? &b->callers[i] : NULL;
	if (idle == NULL)
		return &b->others;
	open_bound(idle, actor, CALLER_A_SECOND, CALLER_AT_ONCE);
	idle->at_ms = now_ms;
	return idle;
}

bool refusal_bounds_take(struct refusal_bounds *b, const char *actor, int64_t now_ms)
{
	struct bound *one = find_bound(b, actor, now_ms);

	refill(one, now_ms);
	if (one->left < WHOLE)
		return false;
	one->left -= WHOLE;
	return true;
}

void refusal_bounds_lose(struct refusal_bounds *b, const char *actor, int64_t now_ms)
{
	find_bound(b, actor, now_ms)->lost++;
}

static int64_t lost_by_callers(const struct refusal_bounds *b)
{
	int64_t lost = b->others.lost;

	for (size_t i = 0; i < CALLERS_APART; i++)
		lost += b->callers[i].lost;
	return lost;
}

int64_t refusal_bounds_lost(const struct refusal_bounds *b)
{
	return b->strangers.lost + lost_by_callers(b);
}

int64_t refusal_bounds_tell(struct refusal_bounds *b, char detail[DB_DETAIL_MAX + 1])
{
	const struct bound *most = &b->others;
	unsigned callers = b->others.lost > 0;

	b->strangers.telling = b->strangers.lost;
	b->others.telling = b->others.lost;
	for (size_t i = 0; i < CALLERS_APART; i++) {
		struct bound *one = &b->callers[i];

		one->telling = one->lost;
		callers += one->lost > 0;
		most = one->lost > most->lost ? one : most;
	}
	snprintf(detail, DB_DETAIL_MAX + 1,
		"strangers=%" PRId64 " callers=%u of_callers=%" PRId64 "%s%s", b->strangers.lost,
		callers, lost_by_callers(b), most->name[0] != '\0' ? " most=" : "", most->name);
	return refusal_bounds_lost(b);
}

void refusal_bounds_told(struct refusal_bounds *b, bool done)
{
	struct bound *const ends[] = { &b->strangers, &b->others };

	for (size_t i = 0; i < 2 + CALLERS_APART; i++) {
		struct bound *one = i < 2 ? ends[i] : &b->callers[i - 2];

		one->lost -= done ? one->telling : 0;
		one->telling = 0;
	}
}
