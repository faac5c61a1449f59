/* What the sealer goes on from: the last tree, by whomever it was put there, is verified before. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/sealer_case.h"
#include "tests/unit/suite.h"

static const uint8_t foreign[32] = { 0x55 };

/* One more tree whose hashes are right: all but a signature anybody can make who can read the trail. */
static struct db_audit_tree *add_forged(int64_t xid)
{
	audit_world_add(xid, 1);
	audit_world_seal(xid + 1);
	struct db_audit_tree *t = &W->trees[W->tree_count - 1];

	t->signature[40] ^= 1;
	return t;
}

static void start_over_three(const char *root_file)
{
	sealer_make_three();
	sealer_start(root_file);
	sealer_look();
	ck_assert_int_eq(sealer_state.tree, 3);
	ck_assert(!sealer_state.is_broken);
}

static void assert_root_file_names(uint64_t number)
{
	struct audit_tree root;

	ck_assert_int_eq(audit_root_file_read(sealer_root_file, &root), FINE);
	ck_assert_uint_eq(root.number, number);
	ck_assert_uint_eq(audit_world_check(&root), 0);
}

START_TEST(test_a_forged_last_tree_is_not_sealed_upon)
{
	start_over_three(sealer_root_file);
	struct db_audit_tree *forged = add_forged(704);

	sealer_assert_holds();
	ck_assert_int_eq(sealer_state.tree, 3); /* as it is told and kept */
	forged->signature[40] ^= 1;             /* the row is right again */
	sealer_assert_goes_on();
	ck_assert_int_eq(sealer_state.tree, 5);
	sealer_end();
	assert_root_file_names(5);
	unlink(sealer_root_file);
	audit_world_close();
}
END_TEST

START_TEST(test_the_root_file_is_not_written_over)
{
	start_over_three(sealer_root_file);
	add_forged(704);
	sealer_assert_holds();
	sealer_end(); /* the last of the file is written by then */
	W->tree_count = 3;
	assert_root_file_names(3);
	unlink(sealer_root_file);
	audit_world_close();
}
END_TEST

START_TEST(test_a_forged_tree_that_is_taken_away_is_sealed_in_its_place)
{
	start_over_three("");
	add_forged(704);
	add_forged(705);
	sealer_assert_holds();
	W->tree_count = 3;
	sealer_assert_goes_on();
	ck_assert_int_eq(W->trees[3].count, 3);
	sealer_end();
	audit_world_close();
}
END_TEST

/* What the last one's chain covers needs no signature of its own. */
START_TEST(test_one_verification_is_enough_for_many_trees)
{
	start_over_three("");
	ck_assert_uint_eq(W->verifications, 1);
	sealer_look();
	ck_assert_uint_eq(W->verifications, 1); /* known */
	for (int64_t xid = 710; xid < 720; xid++) {
		audit_world_add(xid, 1);
		audit_world_seal(xid + 1);
	}
	sealer_look();
	ck_assert_uint_eq(W->verifications, 2);
	audit_world_add(730, 1);
	sealer_look();
	sealer_look();
	ck_assert_uint_eq(W->tree_count, 14);
	ck_assert_uint_eq(W->verifications, 2); /* its own */
	sealer_end();
	audit_world_close();
}
END_TEST

START_TEST(test_a_fresh_server_verifies_what_it_finds)
{
	for (unsigned i = 0; i < 4; i++) {
		struct audit_tree root;

		sealer_make_three();
		if (i < 2) {
			W->trees[2].signature[3] ^= 1;
		} else {
			/* Under a signature that holds: the chain is not what it says. */
			W->trees[2].to_xid += i == 2 ? 10 : 0;
			W->trees[2].count += i == 3 ? 1 : 0;
		}
		ck_assert_int_eq(audit_tree_from_row(&W->trees[2], &root), FINE);
		if (i == 1) { /* the root file has taken it over already */
			char text[AUDIT_ROOT_TEXT_MAX];
			FILE *out = fopen(sealer_root_file, "w");

			ck_assert_ptr_nonnull(out);
			fwrite(text, 1, audit_root_write(&root, text), out);
			fclose(out);
		}
		sealer_start(i == 1 ? sealer_root_file : "");
		sealer_assert_holds();
		if (i < 2)
			W->trees[2].signature[3] ^= 1;
		W->trees[2].to_xid -= i == 2 ? 10 : 0;
		W->trees[2].count -= i == 3 ? 1 : 0;
		sealer_assert_goes_on();
		sealer_end();
		unlink(sealer_root_file);
		audit_world_close();
	}
}
END_TEST

static void seal_fifty_more(void)
{
	for (int64_t xid = 705; xid < 755; xid++) {
		audit_world_add(xid, 1);
		audit_world_seal(xid + 1);
	}
}

/* The trees are read after the head: what came between is of transactions that the head did not know of. */
START_TEST(test_trees_that_come_behind_the_head_are_left_for_the_next_look)
{
	start_over_three(sealer_root_file);
	audit_world_add(704, 1);
	audit_world_seal(705);
	W->after_head = seal_fifty_more;
	sealer_look();
	ck_assert(!sealer_state.is_broken);
	ck_assert_uint_eq(W->tree_count, 54);
	audit_world_add(760, 1);
	sealer_assert_goes_on();
	ck_assert_int_eq(sealer_state.tree, 55);
	sealer_end();
	assert_root_file_names(55);
	unlink(sealer_root_file);
	audit_world_close();
}
END_TEST

START_TEST(test_the_first_tree_stands_on_nothing)
{
	audit_world_open();
	sealer_start("");
	sealer_look();
	ck_assert_uint_eq(W->verifications, 0); /* an empty trail */
	struct db_audit_tree *forged = add_forged(701);

	sealer_assert_holds();
	ck_assert_int_eq(sealer_state.tree, 0);
	forged->signature[40] ^= 1;
	sealer_assert_goes_on();
	sealer_end();
	sealer_start("");
	audit_world_add(760, 1);
	sealer_assert_goes_on();
	sealer_end();
	audit_world_close();
}
END_TEST

/* The workers of a server learn of another's new key a little later. */
START_TEST(test_a_key_made_a_moment_ago_is_waited_for)
{
	start_over_three("");
	W->known.key_id[0] ^= 1;
	audit_world_add(704, 1);
	audit_world_seal(705);
	audit_world_add(705, 1);
	for (unsigned i = 0; i < 5; i++) {
		sealer_look();
		ck_assert(!sealer_state.is_broken);
		ck_assert_uint_eq(W->tree_count, 4);
	}
	W->known.key_id[0] ^= 1;
	sealer_assert_goes_on();
	sealer_end();
	audit_world_close();
}
END_TEST

START_TEST(test_a_key_that_the_hsm_does_not_have_is_nobody_s)
{
	start_over_three("");
	audit_world_add(704, 1);
	audit_world_seal(705);
	memcpy(W->trees[3].signer_id, foreign, sizeof(foreign));
	for (unsigned i = 0; i < 100 && !sealer_state.is_broken; i++) {
		ck_assert_uint_eq(W->tree_count, 4);
		sealer_look();
	}
	sealer_assert_holds();
	memcpy(W->trees[3].signer_id, W->key_id, sizeof(W->key_id));
	sealer_assert_goes_on();
	/* A key of another use signs no trees. */
	W->known.use = KEY_USE_ECKA;
	audit_world_add(760, 1);
	audit_world_seal(761);
	for (unsigned i = 0; i < 100 && !sealer_state.is_broken; i++)
		sealer_look();
	ck_assert(sealer_state.is_broken);
	sealer_end();
	audit_world_close();
}
END_TEST

/* That is no word on the trail. */
START_TEST(test_what_cannot_be_verified_now_is_later)
{
	for (unsigned i = 0; i < 3; i++) {
		start_over_three("");
		audit_world_add(704, 1);
		audit_world_seal(705);
		if (i == 0)
			W->verifying_fails = OVERLOADED;
		else if (i == 1)
			fake_lanes_know(NULL, 0);
		else
			W->fails[DB_LIST_AUDIT_TREES] = DATABASE_UNAVAILABLE;
		audit_world_add(705, 1);
		for (unsigned n = 0; n < 50; n++)
			sealer_look();
		ck_assert(!sealer_state.is_broken);
		ck_assert_uint_eq(W->tree_count, 4);
		W->verifying_fails = W->fails[DB_LIST_AUDIT_TREES] = FINE;
		fake_lanes_know(&W->known, 1);
		sealer_assert_goes_on();
		sealer_end();
		audit_world_close();
	}
}
END_TEST

/* Old trees are moved elsewhere: the one before the last is enough, and none where the root file names the last. */
START_TEST(test_older_trees_may_be_elsewhere)
{
	for (unsigned i = 0; i < 3; i++) {
		start_over_three(sealer_root_file);
		sealer_end();
		unsigned gone = i == 0 ? 1 : 2;

		memmove(W->trees, W->trees + gone, (3 - gone) * sizeof(W->trees[0]));
		W->tree_count -= gone;
		sealer_start(i < 2 ? sealer_root_file : "");
		audit_world_add(704, 1);
		sealer_look();
		ck_assert_uint_eq(W->tree_count, 3 - gone + (i < 2));
		ck_assert(sealer_state.is_broken == (i == 2));
		sealer_end();
		unlink(sealer_root_file);
		audit_world_close();
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_a_forged_last_tree_is_not_sealed_upon,
		test_the_root_file_is_not_written_over,
		test_a_forged_tree_that_is_taken_away_is_sealed_in_its_place,
		test_one_verification_is_enough_for_many_trees,
		test_a_fresh_server_verifies_what_it_finds,
		test_trees_that_come_behind_the_head_are_left_for_the_next_look,
		test_the_first_tree_stands_on_nothing,
		test_a_key_made_a_moment_ago_is_waited_for,
		test_a_key_that_the_hsm_does_not_have_is_nobody_s,
		test_what_cannot_be_verified_now_is_later,
		test_older_trees_may_be_elsewhere,
	};

	if (!sealer_case_open_folder())
		return EXIT_FAILURE;
	int status = suite_run("audit_follower", tests, sizeof(tests) / sizeof(tests[0]));

	sealer_case_remove_folder();
	return status;
}
