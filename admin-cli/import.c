#include "admin-cli/import.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "admin-cli/import_file.h"
#include "admin-cli/import_lines.h"
#include "admin-cli/intake.h"
#include "base/clock.h"
#include "base/progress.h"
#include "base/secret.h"

#define LOOK_S              0.1
#define JOURNAL_MS          1000
#define JOURNAL_DEADLINE_MS 10000
#define TRY_AGAIN_MS        500
#define GIVE_UP_AFTER_MS    60000

enum phase {
	FINDING,  /* the journal is asked for */
	BEGUN,    /* it is written, so that from now on there is something to go on with */
	READING,  /* lines are sent on their way */
	DRAINING, /* no more are read; those that are under way end */
	CLOSING,  /* the journal is written a last time */
};

/* A line whose IMSI is under way from an earlier one: which of the two is first must not be left to chance. */
struct held_line {
	struct key_seal_subscriber_in *room; /* NULL: none */
	int64_t number, end;
	uint64_t imsi;
};

struct import {
	const struct import_settings *given;
	struct csv_form form;
	struct import_file file;
	struct intake *intake;
	enum phase phase;
	struct import_lines lines;
	struct held_line held;
	unsigned under_way;
	int64_t doubtful_until; /* up to this line, who is there may be so by the run before this one, */
	int64_t began_at;       /* which began then */
	struct import_counts *counts;
	struct db_import_key key;
	struct db_import journal,
		sent;       /* of all lines that are at their end; as it was read or written last */
	int64_t journalled; /* the line it is known to name; 0: none */
	struct db_request request;
	bool is_asking, is_last; /* of what the journal is told */
	bool is_at_end, is_interrupted, has_failed;
	int64_t journalled_ms, ask_after_ms, failing_since_ms;
	ev_timer look;
	ev_signal interrupt, terminate;
	struct progress progress;
};

static void end_progress_line(struct import *im)
{
	if (im->progress.shown)
		fputs("\r\033[K", stderr);
}

static void report(struct import *im, int64_t number, const char *reason)
{
	end_progress_line(im);
	fprintf(stderr, "line %lld: %s\n", (long long)number, reason);
}

/* ---- lines at their end */

/* Whom the journal finds already there was added by the run before this one. */
static void advance(struct import *im)
{
	struct import_line line;

	while (import_lines_next(&im->lines, &line)) {
		im->journal.added += line.fate != LINE_REFUSED;
		im->journal.refused += line.fate == LINE_REFUSED;
		im->journal.line = line.number;
		im->journal.byte_offset = line.end;
	}
}

static void settle(
	struct import *im, struct import_line *line, enum line_fate fate, const char *reason)
{
	import_lines_settle(&im->lines, line, fate);
	im->counts->added += fate == LINE_ADDED;
	im->counts->already_there += fate == LINE_ALREADY_THERE;
	im->counts->refused += fate == LINE_REFUSED;
	if (fate == LINE_REFUSED)
		report(im, line->number, reason);
	advance(im);
}

static void stop_reading(struct import *im)
{
	if (im->phase < DRAINING)
		im->phase = im->phase == READING ? DRAINING : CLOSING;
	intake_stop(im->intake);
}

static void fail(struct import *im, enum outcome o, const char *detail)
{
	if (!im->has_failed) {
		end_progress_line(im);
		(void)!cli_refuse_outcome(o, detail);
	}
	im->has_failed = true;
	stop_reading(im);
}

static void on_ended(void *context, uint64_t tag, enum outcome o, bool was_there)
{
	struct import *im = context;
	struct import_line *line = import_lines_at(&im->lines, tag);
	char reason[128];

	im->under_way--;
	if (o == RESOURCE_NOT_FOUND) {
		fail(im, o, "the HSM has no transport key of this label");
	} else if (o != FINE && outcome_kind(o) != KIND_REFUSED) {
		if (!im->is_interrupted)
			fail(im, o, NULL);
	} else if (o == CONFLICT) {
		settle(im, line, LINE_REFUSED, "the IMSI has a credential already");
	} else {
		snprintf(reason, sizeof(reason), "the HSM does not take it: %s", outcome_title(o));
		settle(im, line,
			o != FINE   ? LINE_REFUSED
			: was_there ? LINE_ALREADY_THERE
				    : LINE_ADDED,
			reason);
	}
}

/* ---- lines as they are read */

static void refuse_line(struct import *im, const struct csv_line *line, const char *wrong)
{
	uint64_t tag;

	settle(im, import_lines_add(&im->lines, line->number, line->end, 0, &tag), LINE_REFUSED,
		wrong);
}

/* Sends the held line on its way, unless it has to wait. */
static void send_held(struct import *im)
{
	struct held_line *h = &im->held;
	uint64_t tag;

	if (h->room == NULL || import_lines_has(&im->lines, h->imsi))
		return;
	(void)import_lines_add(&im->lines, h->number, h->end, h->imsi, &tag);
	im->under_way++;
	intake_add(im->intake, h->room, h->imsi, h->number <= im->doubtful_until ? im->began_at : 0,
		tag);
	h->room = NULL;
}

static void take_line(
	struct import *im, const struct csv_line *line, struct key_seal_subscriber_in *room)
{
	const char *wrong = "the line is longer than 512 bytes";
	bool is_empty = !line->is_too_long && line->content.len == 0;
	uint64_t imsi;

	im->counts->lines = line->number;
	if (!is_empty && !line->is_too_long)
		wrong = csv_read_subscriber(line->content, &im->form, &imsi, room);
	if (!is_empty && wrong == NULL) {
		im->held = (struct held_line){ room, line->number, line->end, imsi };
		send_held(im);
		return;
	}
	intake_give_back_room(im->intake, room);
	if (!is_empty)
		refuse_line(im, line, wrong);
}

/* One line from the file; false where there is none any more. */
static bool read_line(struct import *im, struct key_seal_subscriber_in *room)
{
	struct csv_line line;
	enum csv_step step = import_file_next(&im->file, &line);

	if (step == CSV_LINE) {
		take_line(im, &line, room);
		return true;
	}
	intake_give_back_room(im->intake, room);
	im->is_at_end = step == CSV_END;
	if (!im->is_at_end)
		fail(im, BROKEN, "the file could not be read to its end");
	im->phase = DRAINING;
	return false;
}

static void read_lines(struct import *im)
{
	struct key_seal_subscriber_in *room;

	if (im->phase == READING)
		send_held(im);
	while (im->phase == READING && im->held.room == NULL &&
		!import_lines_are_full(&im->lines) &&
		im->counts->lines < im->journalled + IMPORT_WINDOW &&
		(room = intake_take_room(im->intake)) != NULL)
		if (!read_line(im, room))
			return;
}

/* ---- the journal */

static void on_found(struct import *im, enum outcome o, const struct db_import *found)
{
	bool is_begun = o == FINE && !im->given->restart;

	if (is_begun && found->is_done) {
		fail(im, CONFLICT, "this file has been imported to its end; --restart begins anew");
		intake_break(im->intake);
		return;
	}
	im->phase = BEGUN;
	im->journal.begins = !is_begun;
	if (!is_begun)
		return;
	if (!import_file_seek(&im->file, found->line, found->byte_offset)) {
		fail(im, CONFLICT, "the journal does not fit this file; --restart begins anew");
		intake_break(im->intake);
		return;
	}
	im->journal.line = found->line;
	im->journal.byte_offset = found->byte_offset;
	im->journal.added = found->added;
	im->journal.refused = found->refused;
	im->doubtful_until = found->line + IMPORT_WINDOW;
	im->began_at = found->began_at;
	*im->counts = (struct import_counts){
		.lines = found->line, .added = found->added, .refused = found->refused
	};
	fprintf(stderr, "arpfctl: going on behind line %lld\n", (long long)found->line);
}

static void on_put(struct import *im)
{
	im->journalled = im->sent.line;
	im->journalled_ms = clock_ms();
	im->journal.begins = false;
	if (im->phase == BEGUN)
		im->phase = READING;
	if (!im->is_last)
		return;
	im->counts->is_done = im->sent.is_done;
	intake_break(im->intake);
}

/* The database's answer of the journal; `sent` is what it has. */
static void on_answer(struct db_request *request, enum outcome o)
{
	struct import *im =
		(struct import *)(void *)((char *)request - offsetof(struct import, request));
	int64_t now = clock_ms();
	bool is_find = request->statement == DB_FIND_IMPORT;

	im->is_asking = false;
	if (o == FINE || (is_find && o == NO_ROW)) {
		im->failing_since_ms = 0;
		if (is_find)
			on_found(im, o, request->result);
		else
			on_put(im);
		return;
	}
	im->ask_after_ms = now + TRY_AGAIN_MS;
	if (im->failing_since_ms == 0)
		im->failing_since_ms = now;
	if (outcome_kind(o) == KIND_TRANSIENT && !im->is_interrupted && !im->has_failed &&
		now - im->failing_since_ms < GIVE_UP_AFTER_MS)
		return;
	fail(im, o, is_find ? "the journal could not be read" : "the journal could not be written");
	if (im->phase == CLOSING)
		intake_break(im->intake);
}

static void ask(struct import *im, enum db_statement statement, const void *row, void *result)
{
	im->is_asking = true;
	im->request = (struct db_request){
		.statement = statement,
		.row = row,
		.result = result,
		.deadline_ms = clock_ms() + JOURNAL_DEADLINE_MS,
		.done = on_answer,
	};
	db_submit(intake_db(im->intake), &im->request);
}

static void put_journal(struct import *im)
{
	im->is_last = im->phase == CLOSING;
	im->sent = im->journal;
	im->sent.is_done = im->is_last && im->is_at_end && im->lines.head == im->lines.tail;
	ask(im, DB_PUT_IMPORT, &im->sent, NULL);
}

static bool is_journal_due(const struct import *im)
{
	int64_t behind = im->journal.line - im->journalled;

	return behind > IMPORT_WINDOW / 2 ||
	       (behind > 0 && clock_ms() - im->journalled_ms >= JOURNAL_MS);
}

static void keep_journal(struct import *im)
{
	if (im->phase == DRAINING && im->under_way == 0)
		im->phase = CLOSING;
	if (im->is_asking || clock_ms() < im->ask_after_ms)
		return;
	if (im->phase == FINDING)
		ask(im, DB_FIND_IMPORT, &im->key, &im->sent);
	else if (im->phase == BEGUN || im->phase == CLOSING || is_journal_due(im))
		put_journal(im);
}

/* ---- the whole */

static void on_feed(void *context)
{
	struct import *im = context;

	read_lines(im);
	keep_journal(im);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct import *im = timer->data;
	int64_t offset = im->file.reader.offset, lines = im->counts->lines;

	(void)loop;
	(void)events;
	/* How many lines there are is known when they have been read: as many as so far, for each byte. */
	im->progress.total =
		offset > 0 ? (uint64_t)((double)im->file.size * (double)lines / (double)offset) : 0;
	progress_show(&im->progress, (uint64_t)lines);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct import *im = watcher->data;

	(void)events;
	if (im->is_interrupted || im->phase < READING)
		ev_break(loop, EVBREAK_ALL);
	im->is_interrupted = true;
	stop_reading(im);
}

static void start_watchers(struct import *im)
{
	struct ev_loop *loop = intake_loop(im->intake);

	ev_timer_init(&im->look, on_look, LOOK_S, LOOK_S);
	ev_signal_init(&im->interrupt, on_signal, SIGINT);
	ev_signal_init(&im->terminate, on_signal, SIGTERM);
	im->look.data = im->interrupt.data = im->terminate.data = im;
	ev_timer_start(loop, &im->look);
	ev_signal_start(loop, &im->interrupt);
	ev_signal_start(loop, &im->terminate);
}

static void stop_watchers(struct import *im)
{
	struct ev_loop *loop = intake_loop(im->intake);

	ev_timer_stop(loop, &im->look);
	ev_signal_stop(loop, &im->interrupt);
	ev_signal_stop(loop, &im->terminate);
}

static enum cli_end run(struct cli *cli, struct import *im)
{
	static const struct intake_calls calls = { on_feed, on_ended };

	im->intake = intake_new(cli, &calls, im);
	if (im->intake == NULL)
		return CLI_REFUSED;
	start_watchers(im);
	im->progress = progress_start("import", 0, 0);
	intake_run(im->intake);
	progress_end(&im->progress, (uint64_t)im->counts->lines);
	stop_watchers(im);
	im->has_failed = true; /* what is ended from now on has nothing to say */
	intake_free(im->intake);
	if (im->journalled == 0)
		*im->counts = (struct import_counts){ 0 };
	else if (!im->counts->is_done)
		fprintf(stderr, "arpfctl: stopped behind line %lld; the same command goes on\n",
			(long long)im->journalled);
	return im->counts->is_done && im->counts->refused == 0 ? CLI_DONE : CLI_REFUSED;
}

enum cli_end import_run(
	struct cli *cli, const struct import_settings *settings, struct import_counts *counts)
{
	struct import *im = calloc(1, sizeof(*im));

	*counts = (struct import_counts){ 0 };
	if (im == NULL)
		return cli_refuse_outcome(NO_MEMORY, NULL);
	im->given = settings;
	im->counts = counts;
	im->form = (struct csv_form){
		.is_wrapped = settings->transport_key != NULL,
		.transport_key = settings->transport_key,
		.home = cli->settings.home,
	};
	enum cli_end end = import_file_open(&im->file, settings->path, &im->form);

	if (end == CLI_DONE) {
		memcpy(im->key.file_hash, im->file.hash, sizeof(im->file.hash));
		memcpy(im->journal.file_hash, im->file.hash, sizeof(im->file.hash));
		counts->lines = im->journal.line = im->file.reader.line;
		im->journal.byte_offset = im->file.reader.offset;
		end = run(cli, im);
	}
	import_file_close(&im->file);
	free(im);
	return end;
}
