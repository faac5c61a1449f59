/*
 * The import of a file of subscribers, with an HSM and a database that the test holds in its hand:
 * what is stored, reported and journalled, whatever fails or interrupts on the way.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/db.h"
#include "hsm/client.h"
#include "tests/unit/import_world.h"
#include "tests/unit/suite.h"

#define MOST (3 * IMPORT_WINDOW)

/* ---- the lanes' own functions, for intake.c */

static ev_idle awake; /* the loop does not wait: nothing from outside would end that */

static void on_idle(struct ev_loop *loop, ev_idle *watcher, int events)
{
	(void)loop;
	(void)watcher;
	(void)events;
}

static struct {
	struct key_request *keys;
	struct db_request *rows;
	bool is_stored[MOST];
	bool is_anothers[MOST];
	bool has_journal;
	struct db_import journal;
	int stored, puts;
	int keys_fail, rows_fail; /* so many of the next are refused */
	enum outcome brings;      /* what the HSM says of a subscriber whose OPc begins with ff */
	int stop_after;           /* SIGTERM after so many are stored; 0: never */
	int put_pumps, pumps;     /* a journal is written only at every so many pumps; 0: at all */
	int64_t farthest_ahead;   /* of the journal, of what was stored */
} world;

struct key_client *key_client_new(struct ev_loop *loop, const struct key_client_settings *settings)
{
	ck_assert_str_eq(settings->log_level, "warning");
	ev_idle_init(&awake, on_idle);
	ev_idle_start(loop, &awake);
	return (struct key_client *)(void *)&world;
}

void key_client_free(struct key_client *c)
{
	(void)c;
	while (world.keys != NULL) {
		struct key_request *r = world.keys;

		world.keys = r->next;
		r->done(r, HSM_UNAVAILABLE);
	}
}

void key_client_worker(const struct key_client *c, unsigned i, struct key_worker_state *state)
{
	(void)c;
	*state = (struct key_worker_state){ .pid = (int)i + 2, .ready = true };
}

void key_submit(struct key_client *c, struct key_request *r)
{
	(void)c;
	r->next = world.keys;
	world.keys = r;
}

static enum outcome seal(const struct key_request *r)
{
	const struct key_seal_subscriber_in *in = r->in;
	struct sealed_key *sealed = r->out;

	ck_assert_int_eq(r->operation, KEY_SEAL_SUBSCRIBER);
	ck_assert_uint_eq(in->k_len, 16);
	ck_assert_uint_eq(in->k[0], 0x46);
	if (world.keys_fail > 0 && world.keys_fail-- > 0)
		return HSM_UNAVAILABLE;
	if (world.brings != FINE && in->opc[0] == 0xff)
		return world.brings;
	sealed->len = 84;
	memset(sealed->at, 7, sealed->len);
	return FINE;
}

void key_pump(struct key_client *c)
{
	struct key_request *first = world.keys;

	(void)c;
	world.keys = NULL;
	while (first != NULL) {
		struct key_request *r = first;

		first = r->next;
		r->done(r, seal(r));
	}
}

struct db *db_new(struct ev_loop *loop, const char *conninfo, unsigned connections)
{
	(void)loop;
	(void)conninfo;
	(void)connections;
	return (struct db *)(void *)&world;
}

void db_free(struct db *db)
{
	(void)db;
	while (world.rows != NULL) {
		struct db_request *r = world.rows;

		world.rows = r->next;
		r->done(r, DATABASE_UNAVAILABLE);
	}
}

void db_submit(struct db *db, struct db_request *r)
{
	(void)db;
	r->next = world.rows;
	world.rows = r;
}

static enum outcome store(struct db_request *r)
{
	const struct db_subscriber_in *row = r->row;
	uint64_t i = (uint64_t)row->imsi - FIRST_IMSI;

	ck_assert_uint_lt(i, MOST);
	ck_assert_uint_eq(row->sealed.len, 84);
	if (world.rows_fail > 0 && world.rows_fail-- > 0)
		return DATABASE_UNAVAILABLE;
	((struct db_subscriber *)r->result)->was_there = world.is_stored[i];
	if (world.is_stored[i])
		return row->since != 0 && !world.is_anothers[i] ? FINE : NO_ROW;
	if ((int64_t)i - world.journal.line > world.farthest_ahead)
		world.farthest_ahead = (int64_t)i - world.journal.line;
	world.is_stored[i] = true;
	if (++world.stored == world.stop_after)
		raise(SIGTERM);
	return FINE;
}

static enum outcome answer(struct db_request *r)
{
	const struct db_import *import = r->row;

	if (r->statement == DB_ADD_SUBSCRIBER)
		return store(r);
	if (r->statement == DB_PUT_IMPORT) {
		ck_assert(!world.has_journal || import->line >= world.journal.line ||
			  import->line == 1);
		world.puts++;
		world.journal = *import;
		world.journal.began_at = 1;
		world.has_journal = true;
		return FINE;
	}
	ck_assert_int_eq(r->statement, DB_FIND_IMPORT);
	if (!world.has_journal || memcmp(world.journal.file_hash, r->row, 32) != 0)
		return NO_ROW;
	*(struct db_import *)r->result = world.journal;
	return FINE;
}

void db_pump(struct db *db)
{
	struct db_request *first = world.rows;

	world.rows = NULL;
	while (first != NULL) {
		struct db_request *r = first;

		first = r->next;
		if (r->statement == DB_PUT_IMPORT && world.put_pumps > 0 &&
			world.pumps++ % world.put_pumps != 0)
			db_submit(db, r);
		else
			r->done(r, answer(r));
	}
}

/* ---- the imports */

static enum cli_end run(void)
{
	return import_world_run(false);
}

static void start(void)
{
	memset(&world, 0, sizeof(world));
	import_world_start();
}

START_TEST(every_line_is_stored_or_reported)
{
	start();
	world.brings = INVALID_PARAMETER;
	world.is_stored[9] = true;
	import_world_write_file("supi,k,opc\r\n"
				"imsi-001010000000001," K "," OPC "\r\n"
				"\r\n"
				"imsi-001010000000002," K "0," OPC "\n"
				"imsi-001010000000003," K ",ff63cb71954a9f4e48a5994e37a02baf\n"
				"imsi-001020000000004," K "," OPC "\n"
				"imsi-001010000000009," K "," OPC "\n"
				"imsi-001010000000005," K "," OPC);
	ck_assert_int_eq(run(), CLI_REFUSED);
	assert_counts(2, 0, 4);
	ck_assert(import_counts.is_done);
	ck_assert_int_eq(import_counts.lines, 8);
	ck_assert(world.is_stored[1] && world.is_stored[5]);
	ck_assert(!world.is_stored[2] && !world.is_stored[3]);
	ck_assert_ptr_nonnull(strstr(import_said, "line 4: K has not"));
	ck_assert_ptr_nonnull(
		strstr(import_said, "line 5: the HSM does not take it: Invalid parameter"));
	ck_assert_ptr_nonnull(strstr(import_said, "line 6: the IMSI is not of the home PLMN"));
	ck_assert_ptr_nonnull(strstr(import_said, "line 7: the IMSI has a credential already"));
	ck_assert_ptr_null(strstr(import_said, "465b"));
	ck_assert(world.journal.is_done);
	ck_assert_int_eq(world.journal.line, 8);
	ck_assert_int_eq(world.journal.added, 2);
	ck_assert_int_eq(world.journal.refused, 4);
	import_world_end();
}
END_TEST

/* However the lanes order what they have: the ones here end the last first. */
START_TEST(of_two_lines_of_an_imsi_the_first_counts)
{
	start();
	world.brings = INVALID_PARAMETER;
	import_world_write_file("supi,k,opc\n"
				"imsi-001010000000001," K "," OPC "\n"
				"imsi-001010000000002," K ",ff63cb71954a9f4e48a5994e37a02baf\n"
				"imsi-001010000000001," K "," OPC "\n"
				"imsi-001010000000002," K "," OPC "\n"
				"imsi-001010000000003," K "," OPC "\n"
				"imsi-001010000000003," K "," OPC "\n");
	ck_assert_int_eq(run(), CLI_REFUSED);
	assert_counts(3, 0, 3);
	ck_assert_str_eq(import_said, "line 3: the HSM does not take it: Invalid parameter\n"
				      "line 4: the IMSI has a credential already\n"
				      "line 7: the IMSI has a credential already\n");
	import_world_end();
}
END_TEST

START_TEST(a_finished_import_is_not_done_twice)
{
	start();
	import_world_write_subscribers(3);
	ck_assert_int_eq(run(), CLI_DONE);
	assert_counts(3, 0, 0);
	ck_assert_str_eq(import_said, "");
	ck_assert_int_eq(run(), CLI_REFUSED);
	ck_assert_ptr_nonnull(strstr(import_said, "--restart"));
	ck_assert_int_eq(import_counts.lines, 0);
	ck_assert_int_eq(import_world_run(true), CLI_REFUSED);
	assert_counts(0, 0, 3);
	ck_assert(import_counts.is_done);
	import_world_end();
}
END_TEST

START_TEST(what_fails_for_a_while_is_tried_again)
{
	start();
	import_world_write_subscribers(5000);
	world.keys_fail = 700;
	world.rows_fail = 900;
	ck_assert_int_eq(run(), CLI_DONE);
	assert_counts(5000, 0, 0);
	ck_assert_int_eq(world.stored, 5000);
	import_world_end();
}
END_TEST

START_TEST(an_interrupted_import_is_gone_on_with)
{
	int before;

	start();
	import_world_write_subscribers(20000);
	world.stop_after = 7000;
	ck_assert_int_eq(run(), CLI_REFUSED);
	ck_assert(!import_counts.is_done);
	ck_assert_int_eq(import_counts.added, world.stored);
	ck_assert_int_lt(world.stored, 20000);
	ck_assert_ptr_nonnull(strstr(import_said, "the same command goes on"));
	/* Drained, then journalled: nothing is left in doubt. */
	ck_assert_int_eq(world.journal.added, world.stored);
	ck_assert_int_eq(world.journal.line, world.stored + 1);
	before = world.stored;
	world.stop_after = 0;
	ck_assert_int_eq(run(), CLI_DONE);
	ck_assert_ptr_nonnull(strstr(import_said, "going on behind line"));
	assert_counts(20000, 0, 0);
	ck_assert_int_gt(world.stored, before);
	ck_assert_int_eq(world.stored, 20000);
	import_world_end();
}
END_TEST

/* As after a crash: more is stored than the journal knows of. */
START_TEST(within_the_window_who_is_there_is_no_duplicate)
{
	start();
	import_world_write_subscribers(2 * IMPORT_WINDOW);
	world.stop_after = 5000;
	ck_assert_int_eq(run(), CLI_REFUSED);
	int64_t line = world.journal.line;
	world.stop_after = 0;
	for (int i = 0; i < 300; i++)
		world.is_stored[line - 1 + i] = true;
	world.is_stored[line - 1 + IMPORT_WINDOW] = true; /* the first line beyond it */
	world.is_stored[line - 1 + 500] = true;           /* within it, but not by this import */
	world.is_anothers[line - 1 + 500] = true;
	ck_assert_int_eq(run(), CLI_REFUSED);
	assert_counts(2 * IMPORT_WINDOW - 302, 300, 2);
	ck_assert(import_counts.is_done);
	ck_assert_int_eq(world.journal.added, 2 * IMPORT_WINDOW - 2);
	ck_assert_int_eq(world.journal.refused, 2);
	import_world_end();
}
END_TEST

START_TEST(the_journal_is_never_far_behind)
{
	start();
	import_world_write_subscribers(MOST);
	ck_assert_int_eq(run(), CLI_DONE);
	assert_counts(MOST, 0, 0);
	ck_assert_int_gt(world.puts, 3);
	ck_assert_int_le(world.farthest_ahead, IMPORT_WINDOW);
	import_world_end();
}
END_TEST

/* The end is reached while the journal of the middle is still being written. */
START_TEST(a_slow_journal_is_written_to_its_end)
{
	start();
	world.put_pumps = 1000;
	import_world_write_subscribers(IMPORT_WINDOW / 2 + 3000);
	ck_assert_int_eq(run(), CLI_DONE);
	assert_counts(IMPORT_WINDOW / 2 + 3000, 0, 0);
	ck_assert_int_eq(world.puts, 3);
	ck_assert(world.journal.is_done);
	ck_assert_int_eq(world.journal.line, IMPORT_WINDOW / 2 + 3001);
	import_world_end();
}
END_TEST

START_TEST(an_unknown_transport_key_ends_it)
{
	start();
	world.brings = RESOURCE_NOT_FOUND;
	import_world_write_file("supi,k,opc\n"
				"imsi-001010000000001," K "," OPC "\n"
				"imsi-001010000000002," K ",ff63cb71954a9f4e48a5994e37a02baf\n"
				"imsi-001010000000003," K "," OPC "\n");
	ck_assert_int_eq(run(), CLI_REFUSED);
	ck_assert(!import_counts.is_done);
	ck_assert_ptr_nonnull(strstr(import_said, "no transport key"));
	/* What comes behind the line that was not done is not journalled. */
	ck_assert_int_eq(world.journal.line, 2);
	world.brings = FINE;
	ck_assert_int_eq(run(), CLI_DONE);
	assert_counts(2, 1, 0);
	ck_assert_int_eq(world.journal.added, 3);
	import_world_end();
}
END_TEST

START_TEST(a_long_line_breaks_no_other)
{
	char *text = malloc(200000);
	size_t len = 0;

	start();
	ck_assert_ptr_nonnull(text);
	len += (size_t)snprintf(text, 200000, "supi,k,opc\n");
	memset(text + len, 'x', 100000);
	len += 100000;
	snprintf(text + len, 100000 - 100, "\nimsi-001010000000001," K "," OPC "\n");
	import_world_write_file(text);
	free(text);
	ck_assert_int_eq(run(), CLI_REFUSED);
	assert_counts(1, 0, 1);
	ck_assert_ptr_nonnull(strstr(import_said, "line 2: the line is longer"));
	import_world_end();
}
END_TEST

START_TEST(only_a_file_with_a_header_is_begun)
{
	static const char *const texts[] = { "", "\n", "supi;k;opc\n",
		"imsi-001010000000001," K "," OPC "\n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		start();
		import_world_write_file(texts[i]);
		ck_assert_int_eq(run(), CLI_REFUSED);
		ck_assert_ptr_nonnull(strstr(import_said, "supi,k,opc"));
		ck_assert_int_eq(world.puts, 0);
		ck_assert_int_eq(import_counts.lines, 0);
		import_world_end();
	}
	start();
	import_world_write_file("supi,k,op\n");
	ck_assert_int_eq(run(), CLI_DONE);
	assert_counts(0, 0, 0);
	unlink(import_path);
	ck_assert_int_eq(run(), CLI_REFUSED);
	ck_assert_ptr_nonnull(strstr(import_said, "FILE_NOT_READ"));
	snprintf(import_path, IMPORT_PATH_MAX, "/tmp");
	ck_assert_int_eq(run(), CLI_REFUSED);
	ck_assert_ptr_nonnull(strstr(import_said, "no regular file"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_line_is_stored_or_reported,
		of_two_lines_of_an_imsi_the_first_counts,
		a_finished_import_is_not_done_twice,
		what_fails_for_a_while_is_tried_again,
		an_interrupted_import_is_gone_on_with,
		within_the_window_who_is_there_is_no_duplicate,
		the_journal_is_never_far_behind,
		a_slow_journal_is_written_to_its_end,
		an_unknown_transport_key_ends_it,
		a_long_line_breaks_no_other,
		only_a_file_with_a_header_is_begun,
	};

	return suite_run("admin_cli_import", tests, sizeof(tests) / sizeof(tests[0]));
}
