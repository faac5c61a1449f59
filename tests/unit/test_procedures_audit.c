/* The sealer over a trail in memory: what it seals, what it leaves, what it will not go on with. */
#include <check.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "procedures/audit_root_file.h"
#include "procedures/audit_rows.h"
#include "procedures/audit_sealer.h"
#include "tests/unit/audit_world.h"
#include "tests/unit/fake_lanes.h"
#include "tests/unit/suite.h"

#define W       (&audit_world)
#define EVERY_S 0.01

static struct ev_loop *loop;
static struct audit_sealer *sealer;
static struct audit_sealer_state state;
static char folder[] = "/tmp/arpf-audit.XXXXXX";
static char root_file[64];

static void on_told(void *context, const struct audit_sealer_state *told)
{
	(void)context;
	state = *told;
}

static void start(const char *path)
{
	loop = ev_loop_new(EVFLAG_AUTO);
	state = (struct audit_sealer_state){ 0 };
	sealer = audit_sealer_new(loop, &(struct audit_sealer_settings){
						.services = &W->services,
						.root_file = path,
						.every_s = EVERY_S,
						.told = on_told,
					});
	ck_assert_ptr_nonnull(sealer);
}

static void end(void)
{
	audit_sealer_free(sealer);
	ev_loop_destroy(loop);
}

/* One look with all that it leads to. */
static void seal_once(void)
{
	unsigned looks = W->asked[DB_FIND_AUDIT_HEAD];

	for (int i = 0; i < 1000 && W->asked[DB_FIND_AUDIT_HEAD] == looks; i++) {
		ev_run(loop, EVRUN_ONCE);
		fake_lanes_let_go();
	}
	while (fake_lanes_held() > 0)
		fake_lanes_let_go();
}

START_TEST(test_what_has_ended_is_sealed)
{
	audit_world_open();
	start("");
	seal_once();
	ck_assert_uint_eq(W->tree_count, 0); /* nothing happened */
	ck_assert_uint_eq(W->signatures, 0);
	audit_world_add(701, 3);
	audit_world_add(702, 1);
	W->settled_xid = 702; /* the second is not over */
	seal_once();
	ck_assert_uint_eq(W->tree_count, 1);
	ck_assert_int_eq(W->trees[0].count, 3);
	ck_assert_int_eq(W->trees[0].from_xid, 0);
	ck_assert_int_eq(W->trees[0].to_xid, 702);
	W->settled_xid = 710;
	seal_once();
	ck_assert_uint_eq(W->tree_count, 2);
	ck_assert_int_eq(W->trees[1].from_xid, 702);
	ck_assert_int_eq(W->trees[1].to_xid, 710);
	ck_assert_uint_eq(audit_world_check(NULL), 0);
	ck_assert_int_eq(state.tree, 2);
	ck_assert(!state.is_broken);
	seal_once();
	ck_assert_uint_eq(W->tree_count, 2);
	end();
	audit_world_close();
}
END_TEST

START_TEST(test_a_long_tree_ends_with_a_transaction)
{
	audit_world_open();
	for (int64_t xid = 701; xid <= 770; xid++)
		audit_world_add(xid, 1000);
	audit_world_add(771, 70000); /* one of its own, longer than a tree is to be */
	audit_world_add(772, 1);
	start("");
	seal_once(); /* at once again while there is more */
	ck_assert_uint_eq(W->tree_count, 3);
	ck_assert_int_eq(W->trees[0].count, 66000);
	ck_assert_int_eq(W->trees[0].to_xid, 767);
	ck_assert_int_eq(W->trees[1].count, 74000);
	ck_assert_int_eq(W->trees[1].to_xid, 772);
	ck_assert_int_eq(W->trees[2].count, 1);
	ck_assert_uint_eq(audit_world_check(NULL), 0);
	end();
	audit_world_close();
}
END_TEST

START_TEST(test_a_failure_is_made_good_later)
{
	static const enum db_statement statements[] = { DB_FIND_AUDIT_HEAD, DB_LIST_UNSEALED,
		DB_ADD_AUDIT_TREE };

	for (unsigned i = 0; i < 4; i++) {
		audit_world_open();
		audit_world_add(701, 3);
		start("");
		if (i < 3)
			W->fails[statements[i]] = DATABASE_UNAVAILABLE;
		else
			W->signing_fails = HSM_UNAVAILABLE;
		seal_once();
		seal_once();
		ck_assert_uint_eq(W->tree_count, 0);
		memset(W->fails, 0, sizeof(W->fails));
		W->signing_fails = FINE;
		seal_once();
		ck_assert_uint_eq(W->tree_count, 1);
		ck_assert_uint_eq(audit_world_check(NULL), 0);
		ck_assert(!state.is_broken);
		end();
		audit_world_close();
	}
}
END_TEST

START_TEST(test_another_server_s_trees_are_followed)
{
	audit_world_open();
	audit_world_add(701, 3);
	start("");
	audit_world_seal(702);
	struct db_audit_tree theirs = W->trees[0];

	W->tree_count = 0;
	W->first = &theirs; /* between the look and the adding */
	seal_once();
	ck_assert_uint_eq(W->tree_count, 1);
	audit_world_add(703, 2);
	seal_once();
	ck_assert_uint_eq(W->tree_count, 2);
	for (int64_t xid = 710; xid < 730; xid++) { /* while this one did nothing */
		audit_world_add(xid, 1);
		audit_world_seal(xid + 1);
	}
	audit_world_add(731, 2);
	seal_once();
	ck_assert_uint_eq(W->tree_count, 23);
	ck_assert_int_eq(state.tree, 23);
	ck_assert(!state.is_broken);
	ck_assert_uint_eq(audit_world_check(NULL), 0);
	end();
	audit_world_close();
}
END_TEST

/* The server's own answer was lost: the tree is there all the same, and is its own. */
START_TEST(test_a_tree_that_was_added_after_all_is_known_again)
{
	audit_world_open();
	audit_world_add(701, 3);
	start("");
	seal_once();
	audit_world_add(702, 3);
	W->fails[DB_ADD_AUDIT_TREE] = DATABASE_UNAVAILABLE;
	seal_once();
	W->fails[DB_ADD_AUDIT_TREE] = FINE;
	audit_world_seal(703);
	seal_once();
	ck_assert_uint_eq(W->tree_count, 2);
	ck_assert(!state.is_broken);
	ck_assert_int_eq(state.tree, 2);
	end();
	audit_world_close();
}
END_TEST

static void make_three(void)
{
	audit_world_open();
	for (int64_t xid = 701; xid <= 703; xid++) {
		audit_world_add(xid, 2);
		audit_world_seal(xid + 1);
	}
}

static void assert_stopped(void)
{
	size_t trees = W->tree_count;
	unsigned looks;

	audit_world_add(750, 1);
	seal_once();
	ck_assert(state.is_broken);
	looks = W->asked[DB_FIND_AUDIT_HEAD];
	ev_run(loop, EVRUN_NOWAIT);
	usleep(3 * 1000000 * EVERY_S);
	ev_run(loop, EVRUN_NOWAIT);
	fake_lanes_let_go();
	ck_assert_uint_eq(W->asked[DB_FIND_AUDIT_HEAD], looks);
	ck_assert_uint_eq(W->tree_count, trees);
}

START_TEST(test_a_trail_that_is_not_what_it_was_is_not_sealed_further)
{
	for (unsigned i = 0; i < 5; i++) {
		make_three();
		start("");
		seal_once();
		ck_assert_int_eq(state.tree, 3);
		switch (i) {
		case 0: /* gone back */
			W->tree_count = 2;
			break;
		case 1: /* the last is another */
			W->trees[2].chain[0] ^= 1;
			break;
		case 2: /* the one that was last is another, and there are more */
			audit_world_add(704, 1);
			audit_world_seal(705);
			W->trees[2].chain[0] ^= 1;
			break;
		case 3: /* one that does not hang on the last */
			audit_world_add(704, 1);
			W->trees[2].chain[0] ^= 1;
			audit_world_seal(705);
			W->trees[2].chain[0] ^= 1;
			break;
		default: /* another cluster, which counts its transactions from the first */
			W->settled_xid = 600;
			W->event_count = 0;
			seal_once();
			ck_assert(state.is_broken);
			end();
			audit_world_close();
			continue;
		}
		assert_stopped();
		end();
		audit_world_close();
	}
}
END_TEST

START_TEST(test_the_root_file_outlives_the_server)
{
	struct audit_tree root;

	make_three();
	start(root_file);
	seal_once(); /* what there is is kept, though another has sealed it */
	end();
	ck_assert_int_eq(audit_root_file_read(root_file, &root), FINE);
	ck_assert_uint_eq(root.number, 3);
	ck_assert_uint_eq(audit_world_check(&root), 0);
	start(root_file);
	audit_world_add(704, 1);
	seal_once();
	end();
	ck_assert_int_eq(audit_root_file_read(root_file, &root), FINE);
	ck_assert_uint_eq(root.number, 4);
	ck_assert_uint_eq(audit_world_check(&root), 0);
	/* The end is cut off while no server runs. */
	W->tree_count = 3;
	start(root_file);
	assert_stopped();
	end();
	ck_assert_int_eq(audit_root_file_read(root_file, &root), FINE);
	ck_assert_uint_eq(root.number, 4);
	ck_assert_int_eq(unlink(root_file), 0); /* as an operator does who has looked into it */
	start(root_file);
	seal_once();
	ck_assert(!state.is_broken);
	end();
	unlink(root_file);
	audit_world_close();
}
END_TEST

START_TEST(test_a_spoilt_root_file_stops_the_sealing)
{
	FILE *out = fopen(root_file, "w");

	ck_assert_ptr_nonnull(out);
	fputs("openarpf audit root 1\nnumber 3\n", out);
	fclose(out);
	make_three();
	audit_world_add(704, 1);
	start(root_file);
	ck_assert(state.is_broken);
	end();
	ck_assert_uint_eq(W->tree_count, 3);
	unlink(root_file);
	audit_world_close();
}
END_TEST

START_TEST(test_sealing_goes_on_without_the_root_file)
{
	make_three();
	start("/proc/no/such/folder/root");
	audit_world_add(704, 1);
	seal_once();
	for (int i = 0; i < 500 && !state.root_file_fails; i++)
		seal_once();
	ck_assert(state.root_file_fails);
	ck_assert(!state.is_broken);
	ck_assert_uint_eq(W->tree_count, 4);
	end();
	audit_world_close();
}
END_TEST

/* Sixty looks' time; what comes and goes holds nothing. */
START_TEST(test_a_transaction_left_open_is_told)
{
	audit_world_open();
	start("");
	W->begun_xid = W->settled_xid + 5;
	for (int i = 0; i < 100; i++) {
		W->settled_xid++; /* always one, but another */
		W->begun_xid++;
		seal_once();
		ck_assert(!state.is_held);
	}
	for (int i = 0; i < 500 && !state.is_held; i++)
		seal_once();
	ck_assert(state.is_held);
	W->settled_xid = W->begun_xid; /* it ends: nobody is waited for */
	seal_once();
	ck_assert(!state.is_held);
	ck_assert(!state.is_broken);
	end();
	audit_world_close();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_what_has_ended_is_sealed,
		test_a_long_tree_ends_with_a_transaction,
		test_a_failure_is_made_good_later,
		test_another_server_s_trees_are_followed,
		test_a_tree_that_was_added_after_all_is_known_again,
		test_a_trail_that_is_not_what_it_was_is_not_sealed_further,
		test_the_root_file_outlives_the_server,
		test_a_spoilt_root_file_stops_the_sealing,
		test_sealing_goes_on_without_the_root_file,
		test_a_transaction_left_open_is_told,
	};

	if (mkdtemp(folder) == NULL)
		return EXIT_FAILURE;
	snprintf(root_file, sizeof(root_file), "%s/root", folder);
	int status = suite_run("audit_sealer", tests, sizeof(tests) / sizeof(tests[0]));

	rmdir(folder);
	return status;
}
