/* Verifications of the audit trail's trees on the CPU lane of a whole engine. */
#include <check.h>

#include "procedures/audit_rows.h"
#include "server/audit_lane.h"
#include "server/engine.h"
#include "tests/unit/audit_world.h"
#include "tests/unit/fake_lanes.h"
#include "tests/unit/suite.h"

#define W (&audit_world)

static struct ev_loop *loop;
static struct metrics *metrics;
static struct engine *engine;
static ev_prepare prepare;
static struct audit_verification verification;
static unsigned ended;
static enum outcome verdict;

static const struct procedure *no_procedure(unsigned i)
{
	(void)i;
	return NULL;
}

static void on_prepare(struct ev_loop *l, ev_prepare *w, int events)
{
	(void)l;
	(void)w;
	(void)events;
	engine_run(engine);
}

static void on_done(struct audit_verification *v, enum outcome o)
{
	ck_assert_ptr_eq(v, &verification);
	ended++;
	verdict = o;
}

/* With one tree, which is to be verified. */
static void open_engine(unsigned deadline_ms)
{
	audit_world_open();
	audit_world_add(701, 3);
	audit_world_seal(702);
	W->settings.deadline_ms = deadline_ms;
	ended = 0;
	loop = ev_loop_new(EVFLAG_AUTO);
	metrics = metrics_new(no_procedure);
	engine = engine_new(loop, &(struct engine_settings){ &W->services, metrics, 1 });
	ck_assert_ptr_nonnull(engine);
	W->services.engine = engine;
	ev_prepare_init(&prepare, on_prepare);
	ev_prepare_start(loop, &prepare);
	verification = (struct audit_verification){ .done = on_done };
	ck_assert_int_eq(audit_tree_from_row(&W->trees[0], &verification.tree), FINE);
	memcpy(verification.signer, W->point, sizeof(verification.signer));
}

static void close_engine(void)
{
	ck_assert_uint_eq(engine_in_flight(engine), 0);
	engine_free(engine);
	metrics_free(metrics);
	ev_prepare_stop(loop, &prepare);
	ev_loop_destroy(loop);
	audit_world_close();
}

static void assert_verdict(enum outcome expected)
{
	audit_lane_verify(engine, &verification);
	ck_assert_uint_eq(ended, 0); /* nothing is done at once, on the loop */
	while (ended == 0)
		ev_run(loop, EVRUN_ONCE);
	ck_assert_uint_eq(ended, 1);
	ck_assert_int_eq(verdict, expected);
}

START_TEST(test_a_tree_is_verified)
{
	open_engine(60000);
	assert_verdict(FINE);
	close_engine();
}
END_TEST

START_TEST(test_what_was_changed_does_not_hold)
{
	for (unsigned i = 0; i < 6; i++) {
		open_engine(60000);
		struct audit_tree *t = &verification.tree;

		t->chain[31] ^= i == 0;
		t->signature[63] ^= i == 1;
		t->tree_size += i == 2;
		t->leaf_index += i == 3;
		t->path_count += i == 4 ? 2 * MERKLE_TREE_PATH : 0;
		if (i == 5) { /* another's key */
			uint8_t scalar[P256_SCALAR_LEN];

			ck_assert_int_eq(p256_generate(scalar, verification.signer), FINE);
		}
		assert_verdict(SIGNATURE_INVALID);
		close_engine();
	}
}
END_TEST

/* Neither a verdict nor a reason to think ill of the tree. */
START_TEST(test_what_was_not_looked_at_has_no_verdict)
{
	open_engine(60000);
	verification.signer[64] ^= 1; /* no point */
	assert_verdict(BROKEN);
	close_engine();
	open_engine(0);
	assert_verdict(OVERLOADED);
	close_engine();
	open_engine(60000);
	audit_lane_verify(engine, &verification);
	engine_end_all(engine); /* stopping */
	ck_assert_uint_eq(ended, 1);
	ck_assert_int_eq(verdict, OVERLOADED);
	close_engine();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_a_tree_is_verified,
		test_what_was_changed_does_not_hold,
		test_what_was_not_looked_at_has_no_verdict,
	};

	return suite_run("audit_lane", tests, sizeof(tests) / sizeof(tests[0]));
}
