#include "server/audit_lane.h"

#include "server/engine.h"

#define MEMORY 16384

static void on_verified(struct txn *t)
{
	const struct audit_verification_state *state = t->state;
	struct audit_verification *v = t->owner;
	enum outcome o = t->outcome == FINE ? state->verdict : t->outcome;

	engine_end_txn(t->services->engine, t);
	v->done(v, o);
}

void audit_lane_verify(struct engine *engine, struct audit_verification *v)
{
	struct txn *t = engine_new_txn(engine, &audit_verification, MEMORY);

	if (t == NULL) {
		v->done(v, NO_MEMORY);
		return;
	}
	((struct audit_verification_state *)t->state)->asked = v;
	t->owner = v;
	t->ended = on_verified;
	engine_begin(engine, t);
}
