/* The sealer over a trail in memory: what it seals, what it leaves, what it will not go on with. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/sealer_case.h"
#include "tests/unit/suite.h"

START_TEST(test_what_has_ended_is_sealed)
{
	audit_world_open();
	sealer_start("");
	sealer_look();
	ck_assert_uint_eq(W->tree_count, 0); /* nothing happened */
	ck_assert_uint_eq(W->signatures, 0);
	audit_world_add(701, 3);
	audit_world_add(702, 1);
	W->settled_xid = 702; /* the second is not over */
	sealer_look();
	ck_assert_uint_eq(W->tree_count, 1);
	ck_assert_int_eq(W->trees[0].count, 3);
	ck_assert_int_eq(W->trees[0].from_xid, 0);
	ck_assert_int_eq(W->trees[0].to_xid, 702);
	W->settled_xid = 710;
	sealer_look();
	ck_assert_uint_eq(W->tree_count, 2);
	ck_assert_int_eq(W->trees[1].from_xid, 702);
	ck_assert_int_eq(W->trees[1].to_xid, 710);
	ck_assert_uint_eq(audit_world_check(NULL), 0);
	ck_assert_int_eq(sealer_state.tree, 2);
	ck_assert(!sealer_state.is_broken);
	sealer_look();
	ck_assert_uint_eq(W->tree_count, 2);
	sealer_end();
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
	sealer_start("");
	sealer_look(); /* at once again while there is more */
	ck_assert_uint_eq(W->tree_count, 3);
	ck_assert_int_eq(W->trees[0].count, 66000);
	ck_assert_int_eq(W->trees[0].to_xid, 767);
	ck_assert_int_eq(W->trees[1].count, 74000);
	ck_assert_int_eq(W->trees[1].to_xid, 772);
	ck_assert_int_eq(W->trees[2].count, 1);
	ck_assert_uint_eq(audit_world_check(NULL), 0);
	sealer_end();
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
		sealer_start("");
		if (i < 3)
			W->fails[statements[i]] = DATABASE_UNAVAILABLE;
		else
			W->signing_fails = HSM_UNAVAILABLE;
		sealer_look();
		sealer_look();
		ck_assert_uint_eq(W->tree_count, 0);
		memset(W->fails, 0, sizeof(W->fails));
		W->signing_fails = FINE;
		sealer_look();
		ck_assert_uint_eq(W->tree_count, 1);
		ck_assert_uint_eq(audit_world_check(NULL), 0);
		ck_assert(!sealer_state.is_broken);
		sealer_end();
		audit_world_close();
	}
}
END_TEST

START_TEST(test_another_server_s_trees_are_followed)
{
	audit_world_open();
	audit_world_add(701, 3);
	sealer_start("");
	audit_world_seal(702);
	struct db_audit_tree theirs = W->trees[0];

	W->tree_count = 0;
	W->first = &theirs; /* between the look and the adding */
	sealer_look();
	ck_assert_uint_eq(W->tree_count, 1);
	audit_world_add(703, 2);
	sealer_look();
	ck_assert_uint_eq(W->tree_count, 2);
	for (int64_t xid = 710; xid < 730; xid++) { /* while this one did nothing */
		audit_world_add(xid, 1);
		audit_world_seal(xid + 1);
	}
	audit_world_add(731, 2);
	sealer_look();
	ck_assert_uint_eq(W->tree_count, 23);
	ck_assert_int_eq(sealer_state.tree, 23);
	ck_assert(!sealer_state.is_broken);
	ck_assert_uint_eq(audit_world_check(NULL), 0);
	sealer_end();
	audit_world_close();
}
END_TEST

/* The server's own answer was lost: the tree is there all the same, and is its own. */
START_TEST(test_a_tree_that_was_added_after_all_is_known_again)
{
	audit_world_open();
	audit_world_add(701, 3);
	sealer_start("");
	sealer_look();
	audit_world_add(702, 3);
	W->fails[DB_ADD_AUDIT_TREE] = DATABASE_UNAVAILABLE;
	sealer_look();
	W->fails[DB_ADD_AUDIT_TREE] = FINE;
	audit_world_seal(703);
	sealer_look();
	ck_assert_uint_eq(W->tree_count, 2);
	ck_assert(!sealer_state.is_broken);
	ck_assert_int_eq(sealer_state.tree, 2);
	sealer_end();
	audit_world_close();
}
END_TEST

/* Case i; again: what was done is undone. */
static void work_on_the_trail(unsigned i, bool again)
{
	switch (i) {
	case 0: /* gone back */
		W->tree_count = again ? 3 : 2;
		break;
	case 1: /* the last is another */
		W->trees[2].chain[0] ^= 1;
		break;
	case 2: /* it ends elsewhere */
		W->trees[2].to_xid += again ? -1 : 1;
		break;
	case 3: /* the one that was last is another, and there are more */
		if (!again) {
			audit_world_add(704, 1);
			audit_world_seal(705);
		}
		W->trees[2].chain[0] ^= 1;
		break;
	case 4: /* the one that was last is gone, and there are more */
		if (!again) {
			audit_world_add(704, 1);
			audit_world_seal(705);
		}
		W->trees[2].number = again ? 3 : 2;
		break;
	default: /* one that does not hang on the last */
		W->tree_count = 3;
		if (again)
			break;
		audit_world_add(704, 1);
		W->trees[2].chain[0] ^= 1;
		audit_world_seal(705);
		W->trees[2].chain[0] ^= 1;
		break;
	}
}

START_TEST(test_a_trail_that_is_not_what_it_was_is_not_sealed_further)
{
	for (unsigned i = 0; i < 6; i++) {
		sealer_make_three();
		sealer_start("");
		sealer_look();
		ck_assert_int_eq(sealer_state.tree, 3);
		work_on_the_trail(i, false);
		sealer_assert_holds();
		work_on_the_trail(i, true);
		sealer_assert_goes_on();
		sealer_end();
		audit_world_close();
	}
}
END_TEST

/* Another cluster counts its transactions from the first, and comes to those that were sealed by and by. */
START_TEST(test_transactions_counted_anew_stop_the_sealing_for_good)
{
	sealer_make_three();
	sealer_start("");
	sealer_look();
	W->settled_xid = 600;
	sealer_look();
	ck_assert(sealer_state.is_broken);
	unsigned looks = W->asked[DB_FIND_AUDIT_HEAD];

	audit_world_add(750, 1);
	sealer_wait_for_no_look();
	ck_assert_uint_eq(W->asked[DB_FIND_AUDIT_HEAD], looks);
	ck_assert(sealer_state.is_broken);
	ck_assert_uint_eq(W->tree_count, 3);
	sealer_end();
	audit_world_close();
}
END_TEST

START_TEST(test_the_root_file_outlives_the_server)
{
	struct audit_tree root;

	sealer_make_three();
	sealer_start(sealer_root_file);
	sealer_look(); /* what there is is kept, though another has sealed it */
	sealer_end();
	ck_assert_int_eq(audit_root_file_read(sealer_root_file, &root), FINE);
	ck_assert_uint_eq(root.number, 3);
	ck_assert_uint_eq(audit_world_check(&root), 0);
	sealer_start(sealer_root_file);
	audit_world_add(704, 1);
	sealer_look();
	sealer_end();
	ck_assert_int_eq(audit_root_file_read(sealer_root_file, &root), FINE);
	ck_assert_uint_eq(root.number, 4);
	ck_assert_uint_eq(audit_world_check(&root), 0);
	/* The end is cut off while no server runs. */
	W->tree_count = 3;
	sealer_start(sealer_root_file);
	sealer_assert_holds();
	sealer_end();
	ck_assert_int_eq(audit_root_file_read(sealer_root_file, &root), FINE);
	ck_assert_uint_eq(root.number, 4);
	ck_assert_int_eq(
		unlink(sealer_root_file), 0); /* as an operator does who has looked into it */
	sealer_start(sealer_root_file);
	sealer_look();
	ck_assert(!sealer_state.is_broken);
	sealer_end();
	unlink(sealer_root_file);
	audit_world_close();
}
END_TEST

START_TEST(test_a_spoilt_root_file_stops_the_sealing)
{
	FILE *out = fopen(sealer_root_file, "w");

	ck_assert_ptr_nonnull(out);
	fputs("openarpf audit root 1\nnumber 3\n", out);
	fclose(out);
	sealer_make_three();
	audit_world_add(704, 1);
	sealer_start(sealer_root_file);
	ck_assert(sealer_state.is_broken);
	sealer_end();
	ck_assert_uint_eq(W->tree_count, 3);
	unlink(sealer_root_file);
	audit_world_close();
}
END_TEST

START_TEST(test_sealing_goes_on_without_the_root_file)
{
	sealer_make_three();
	sealer_start("/proc/no/such/folder/root");
	audit_world_add(704, 1);
	sealer_look();
	for (int i = 0; i < 500 && !sealer_state.root_file_fails; i++)
		sealer_look();
	ck_assert(sealer_state.root_file_fails);
	ck_assert(!sealer_state.is_broken);
	ck_assert_uint_eq(W->tree_count, 4);
	sealer_end();
	audit_world_close();
}
END_TEST

/* Sixty looks' time; what comes and goes holds nothing. */
START_TEST(test_a_transaction_left_open_is_told)
{
	audit_world_open();
	sealer_start("");
	W->begun_xid = W->settled_xid + 5;
	for (int i = 0; i < 100; i++) {
		W->settled_xid++; /* always one, but another */
		W->begun_xid++;
		sealer_look();
		ck_assert(!sealer_state.is_held);
	}
	for (int i = 0; i < 500 && !sealer_state.is_held; i++)
		sealer_look();
	ck_assert(sealer_state.is_held);
	W->settled_xid = W->begun_xid; /* it ends: nobody is waited for */
	sealer_look();
	ck_assert(!sealer_state.is_held);
	ck_assert(!sealer_state.is_broken);
	sealer_end();
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
		test_transactions_counted_anew_stop_the_sealing_for_good,
		test_the_root_file_outlives_the_server,
		test_a_spoilt_root_file_stops_the_sealing,
		test_sealing_goes_on_without_the_root_file,
		test_a_transaction_left_open_is_told,
	};

	if (!sealer_case_open_folder())
		return EXIT_FAILURE;
	int status = suite_run("audit_sealer", tests, sizeof(tests) / sizeof(tests[0]));

	sealer_case_remove_folder();
	return status;
}
