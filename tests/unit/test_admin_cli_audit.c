/* What `arpfctl audit verify` says of a trail that somebody has worked on. */
#include <check.h>
#include <stdlib.h>

#include "procedures/audit_rows.h"
#include "tests/unit/audit_world.h"
#include "tests/unit/suite.h"

#define W (&audit_world)

/* Four trees of three transactions with five events each: transactions 701 to 712. */
static void make_trail(void)
{
	audit_world_open();
	for (int64_t xid = 701; xid <= 712; xid++) {
		audit_world_add(xid, 5);
		if ((xid - 700) % 3 == 0)
			audit_world_seal(xid + 1);
	}
	ck_assert_uint_eq(W->tree_count, 4);
}

static struct audit_tree tree_at(size_t i)
{
	struct audit_tree t;

	ck_assert_int_eq(audit_tree_from_row(&W->trees[i], &t), FINE);
	return t;
}

static void drop_events(size_t from, size_t count)
{
	memmove(W->events + from, W->events + from + count,
		(W->event_count - from - count) * sizeof(*W->events));
	W->event_count -= count;
}

static void drop_tree(size_t i)
{
	memmove(W->trees + i, W->trees + i + 1, (W->tree_count - i - 1) * sizeof(*W->trees));
	W->tree_count--;
}

static void assert_fault(uint64_t tree, const char *what)
{
	ck_assert_uint_eq(audit_world_fault.tree, tree);
	ck_assert_msg(strstr(audit_world_fault.what, what) != NULL, "%s", audit_world_fault.what);
}

START_TEST(test_a_whole_trail_has_no_fault)
{
	make_trail();
	struct audit_tree last = tree_at(3);

	ck_assert_uint_eq(audit_world_check(NULL), 0);
	ck_assert_uint_eq(audit_world_check(&last), 0);
	struct audit_tree older = tree_at(1);

	ck_assert_uint_eq(audit_world_check(&older), 0);
	audit_world_add(713, 9); /* not sealed yet */
	ck_assert_uint_eq(audit_world_check(&last), 0);
	audit_world_close();
}
END_TEST

START_TEST(test_no_trail_is_whole_unless_a_root_was_kept)
{
	make_trail();
	struct audit_tree root = tree_at(0);

	W->tree_count = W->event_count = 0;
	ck_assert_uint_eq(audit_world_check(NULL), 0);
	ck_assert_uint_eq(audit_world_check(&root), 1);
	assert_fault(1, "ends before");
	audit_world_close();
}
END_TEST

START_TEST(test_a_changed_event_names_its_tree)
{
	make_trail();
	struct db_event *e = &W->events[22]; /* the second tree's */

	for (unsigned i = 0; i < 8; i++) {
		struct db_event kept = *e;

		e->at_ms += i == 0;
		e->action += i == 1;
		e->outcome += i == 2;
		e->subject += i == 3;
		e->related += i == 4;
		e->actor[0] = (char)(e->actor[0] + (i == 5));
		e->detail[0] = (char)(e->detail[0] + (i == 6));
		e->number += i == 7;
		ck_assert_uint_eq(audit_world_check(NULL), 1);
		assert_fault(2, "changed");
		ck_assert_uint_eq(audit_world_fault.first_xid, 704);
		ck_assert_uint_eq(audit_world_fault.last_xid, 706);
		ck_assert_uint_eq(audit_world_fault.found, 15);
		*e = kept;
	}
	ck_assert_uint_eq(audit_world_check(NULL), 0);
	audit_world_close();
}
END_TEST

START_TEST(test_removed_and_added_events_are_counted)
{
	make_trail();
	drop_events(16, 2);
	ck_assert_uint_eq(audit_world_check(NULL), 1);
	assert_fault(2, "removed");
	ck_assert_uint_eq(audit_world_fault.expected, 15);
	ck_assert_uint_eq(audit_world_fault.found, 13);
	audit_world_close();

	make_trail();
	memmove(W->events + 31, W->events + 30, (W->event_count - 30) * sizeof(*W->events));
	W->event_count++;
	W->events[30].number--; /* the third tree has one more */
	ck_assert_uint_eq(audit_world_check(NULL), 1);
	assert_fault(3, "added");
	ck_assert_uint_eq(audit_world_fault.found, 16);
	audit_world_close();
}
END_TEST

START_TEST(test_swapped_events_are_found)
{
	make_trail();
	struct db_event kept = W->events[40];

	W->events[40].subject = W->events[41].subject;
	W->events[40].at_ms = W->events[41].at_ms;
	W->events[41].subject = kept.subject;
	W->events[41].at_ms = kept.at_ms;
	ck_assert_uint_eq(audit_world_check(NULL), 1);
	assert_fault(3, "changed");
	audit_world_close();
}
END_TEST

START_TEST(test_an_event_moved_to_the_next_tree_names_both)
{
	make_trail();
	W->events[29].xid = 707; /* the last of the second tree */
	W->events[29].number = 1;
	ck_assert_uint_eq(audit_world_check(NULL), 2);
	assert_fault(2, "removed");
	audit_world_close();
}
END_TEST

START_TEST(test_a_missing_tree_is_named_with_its_events)
{
	make_trail();
	drop_tree(1);
	ck_assert_uint_eq(audit_world_check(NULL), 2);
	assert_fault(2, "missing");
	ck_assert_uint_eq(audit_world_fault.from_xid, 704);
	ck_assert_uint_eq(audit_world_fault.to_xid, 707);
	drop_events(15, 15); /* and its events with it */
	ck_assert_uint_eq(audit_world_check(NULL), 1);
	assert_fault(2, "missing");
	drop_tree(0);
	ck_assert_uint_eq(audit_world_check(NULL), 2);
	assert_fault(1, "others are missing");
	audit_world_close();
}
END_TEST

START_TEST(test_a_cut_off_end_needs_the_root_that_was_kept)
{
	make_trail();
	struct audit_tree root = tree_at(3);

	drop_tree(3);
	drop_events(45, 15);
	ck_assert_uint_eq(audit_world_check(NULL), 0);
	ck_assert_uint_eq(audit_world_check(&root), 1);
	assert_fault(4, "ends before");
	audit_world_close();
}
END_TEST

START_TEST(test_every_field_of_a_tree_counts)
{
	for (unsigned i = 0; i < 11; i++) {
		make_trail();
		struct db_audit_tree *t = &W->trees[1];

		t->from_xid += i == 0;
		t->to_xid += i == 1;
		t->count += i == 2;
		t->sealed_at += i == 3;
		t->root[7] ^= i == 4;
		t->chain[7] ^= i == 5;
		t->signer_id[7] ^= i == 6;
		t->signature[7] ^= i == 7;
		t->tree_size += i == 8;
		t->leaf_index += i == 9;
		t->path.len = i == 10 ? 32 : t->path.len;
		ck_assert_uint_ge(audit_world_check(NULL), 1);
		ck_assert_uint_eq(audit_world_fault.tree, 2);
		audit_world_close();
	}
}
END_TEST

/* Whoever can change the rows can make the chain anew, but has none of the signers' keys. */
START_TEST(test_a_trail_made_anew_by_another_key_is_refused)
{
	uint8_t scalar[P256_SCALAR_LEN], point[P256_POINT_LEN];

	make_trail();
	memcpy(scalar, W->scalar, sizeof(scalar));
	memcpy(point, W->point, sizeof(point));
	ck_assert_int_eq(p256_generate(W->scalar, W->point), FINE);
	W->events[3].subject++;
	W->tree_count = 0;
	for (int64_t xid = 704; xid <= 713; xid += 3)
		audit_world_seal(xid);
	ck_assert_uint_eq(audit_world_check(NULL), 0); /* under that key it holds */
	memcpy(W->point, point, sizeof(point));
	ck_assert_uint_eq(audit_world_check(NULL), 4);
	assert_fault(1, "signature");
	W->key_id[0] ^= 1; /* under the id of a key that is not one of the signers */
	ck_assert_uint_eq(audit_world_check(NULL), 4);
	assert_fault(1, "not one of the signers");
	audit_world_close();
}
END_TEST

START_TEST(test_a_root_that_was_kept_is_looked_at_itself)
{
	make_trail();
	struct audit_tree root = tree_at(2);

	root.signature[0] ^= 1;
	ck_assert_uint_eq(audit_world_check(&root), 1);
	assert_fault(3, "root file's signature");
	root = tree_at(2);
	root.chain[0] ^= 1;
	audit_world_sign(&root); /* another trail's */
	ck_assert_uint_eq(audit_world_check(&root), 1);
	assert_fault(3, "not the tree that the root file names");
	audit_world_close();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_a_whole_trail_has_no_fault,
		test_no_trail_is_whole_unless_a_root_was_kept,
		test_a_changed_event_names_its_tree,
		test_removed_and_added_events_are_counted,
		test_swapped_events_are_found,
		test_an_event_moved_to_the_next_tree_names_both,
		test_a_missing_tree_is_named_with_its_events,
		test_a_cut_off_end_needs_the_root_that_was_kept,
		test_every_field_of_a_tree_counts,
		test_a_trail_made_anew_by_another_key_is_refused,
		test_a_root_that_was_kept_is_looked_at_itself,
	};

	return suite_run("admin_cli_audit", tests, sizeof(tests) / sizeof(tests[0]));
}
