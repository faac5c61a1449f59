#include "admin-cli/job_run.h"

#include <errno.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "admin-cli/list.h"
#include "admin-cli/show.h"
#include "admin-cli/supi_lines.h"
#include "base/clock.h"
#include "base/progress.h"
#include "crypto/kdf.h"

#define JOBS "/admin/v1/jobs"

#define PAGE_ITEMS    1000u
#define LOOK_FIRST_MS 50
#define LOOK_MOST_MS  1000
#define AWAY_MOST_MS  60000

static const struct list_column refusal_columns[] = {
	{ "PLACE", "place" },
	{ "SUPI", "supi" },
	{ "CAUSE", "cause" },
	{ "STATE", "state" },
	{},
};

/* ---- ids */

enum outcome job_id_of_file(
	const char *operation, json_int_t salt, struct bytes file, char id[JOB_ID_SIZE])
{
	uint8_t number[8], hash[32];
	struct buffer b = buffer_over(number, sizeof(number));

	buffer_put_u64(&b, (uint64_t)salt);
	struct bytes parts[] = { bytes_of_text("arpfctl job v1"),
		bytes_of(operation, strlen(operation) + 1), buffer_bytes(&b), file };
	enum outcome o = sha256(parts, sizeof(parts) / sizeof(parts[0]), hash);

	if (o == FINE)
		hex_write(bytes_of(hash, (JOB_ID_SIZE - 1) / 2), id);
	return o;
}

enum outcome job_id_random(char id[JOB_ID_SIZE])
{
	uint8_t random[(JOB_ID_SIZE - 1) / 2];

	if (RAND_bytes(random, sizeof(random)) != 1)
		return BROKEN;
	hex_write(BYTES(random), id);
	return FINE;
}

bool job_id_is_good(const char *id)
{
	uint8_t bytes[(JOB_ID_SIZE - 1) / 2];

	return hex_read(id, strlen(id), bytes, sizeof(bytes));
}

/* ---- requests */

/* "/admin/v1/jobs/{id}" and what follows. */
static void write_path(const char *id, const char *rest, char *out, size_t size)
{
	snprintf(out, size, "%s/%s%s", JOBS, id, rest);
}

/* *job is the caller's, also that of before, which is released. */
static enum cli_end ask(struct cli *cli, const char *method, const char *id, const char *rest,
	json_t *body, json_t **job)
{
	struct remote_answer answer;
	char path[128];

	write_path(id, rest, path, sizeof(path));
	enum cli_end end = remote_call(cli, method, path, body, &answer);
	if (end != CLI_DONE)
		return end;
	json_decref(*job);
	*job = answer.json;
	return CLI_DONE;
}

static enum cli_end put_job(struct cli *cli, const struct job_plan *plan, json_t **job)
{
	json_t *body = json_pack("{s:s}", "operation", plan->operation);
	bool failed = body == NULL;

	if (!failed && plan->overlap_s >= 0)
		failed = json_object_set_new(
				 body, "overlapSeconds", json_integer(plan->overlap_s)) != 0;
	if (!failed && plan->selection != NULL)
		failed = json_object_set(body, "selection", plan->selection) != 0;
	if (failed) {
		json_decref(body);
		return cli_refuse_outcome(NO_MEMORY, NULL);
	}
	return ask(cli, "PUT", plan->id, "", body, job);
}

static bool is_in(const json_t *job, const char *state)
{
	return strcmp(remote_text(job, "state"), state) == 0;
}

static bool is_over(const json_t *job)
{
	return is_in(job, "DONE") || is_in(job, "CANCELLED");
}

/* ---- items */

/* The next items of the file, at most a page of them; NULL: no memory. */
static json_t *take_items(struct supi_lines *lines)
{
	json_t *items = json_array();
	char supi[5 + IMSI_DIGITS + 1] = "imsi-";
	enum supi_line kind = SUPI_LINE_NONE;
	uint64_t imsi;
	bool failed = items == NULL;

	while (!failed && json_array_size(items) < PAGE_ITEMS && kind != SUPI_LINES_END) {
		kind = supi_lines_next(lines, &imsi);
		if (kind != SUPI_LINE_GOOD)
			continue;
		imsi_write(imsi, supi + 5);
		failed = json_array_append_new(
				 items, json_pack("{s:I, s:s}", "place", (json_int_t)lines->number,
						"supi", supi)) != 0;
	}
	if (failed) {
		json_decref(items);
		return NULL;
	}
	return items;
}

/* All of them: the server knows those again that an interrupted run has brought. */
static enum cli_end add_items(struct cli *cli, const struct job_plan *plan)
{
	struct supi_lines lines = { .rest = plan->file };
	struct progress progress = progress_start("handing in", 0, plan->items);
	enum cli_end end = CLI_DONE;
	json_t *answer = NULL;
	size_t count, sent = 0;

	do {
		json_t *items = take_items(&lines);

		count = json_array_size(items);
		if (items == NULL)
			end = cli_refuse_outcome(NO_MEMORY, NULL);
		else if (count > 0)
			end = ask(cli, "POST", plan->id, "/items",
				json_pack("{s:O}", "items", items), &answer);
		json_decref(items);
		sent += count;
		progress_show(&progress, sent);
	} while (count == PAGE_ITEMS && end == CLI_DONE);
	progress_end(&progress, sent);
	json_decref(answer);
	return end;
}

/* ---- to its end */

static void rest_ms(int64_t ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&time, &time) != 0 && errno == EINTR)
		;
}

/* The job as it is; a server that is away, as while it is restarted, may come back within a minute. */
static enum cli_end look(struct cli *cli, const char *id, json_t **job)
{
	int64_t end_ms = clock_ms() + AWAY_MOST_MS;
	struct remote_answer answer;
	char path[128];
	enum cli_end end;

	write_path(id, "", path, sizeof(path));
	while ((end = remote_look(cli, path, &answer)) != CLI_DONE && !answer.reached &&
		cli->remote != NULL && clock_ms() < end_ms)
		rest_ms(LOOK_MOST_MS);
	if (end != CLI_DONE)
		return !answer.reached && cli->remote != NULL ? remote_refuse_unreached(cli) : end;
	json_decref(*job);
	*job = answer.json;
	return CLI_DONE;
}

static enum cli_end watch(struct cli *cli, const struct job_plan *plan, json_t **job)
{
	struct progress progress = progress_start(plan->operation, 0, plan->items);
	int64_t pause_ms = LOOK_FIRST_MS;
	enum cli_end end = CLI_DONE;

	while (end == CLI_DONE && !is_over(*job)) {
		rest_ms(pause_ms);
		pause_ms = pause_ms < LOOK_MOST_MS / 2 ? 2 * pause_ms : LOOK_MOST_MS;
		end = look(cli, plan->id, job);
		progress_show(&progress,
			(uint64_t)(remote_number(*job, "done") + remote_number(*job, "refused")));
	}
	progress_end(&progress,
		(uint64_t)(remote_number(*job, "done") + remote_number(*job, "refused")));
	return end;
}

/* ---- what became of it */

struct refusals {
	bool any;
};

static enum cli_end on_refusal(void *context, json_t *item)
{
	struct refusals *r = context;

	fputs(r->any ? ",\n" : "\n", stdout);
	r->any = true;
	return json_dumpf(item, stdout, JSON_COMPACT) == 0 ? CLI_DONE
							   : cli_refuse_outcome(NO_MEMORY, NULL);
}

static enum cli_end on_refusals_page(void *context)
{
	(void)context;
	return CLI_DONE;
}

enum cli_end job_list_refusals(struct cli *cli, const char *id)
{
	char path[128];

	write_path(id, "/refusals", path, sizeof(path));
	return list_show(cli, path, refusal_columns);
}

/* The job's members, and all its refusals behind them, as they come. */
static enum cli_end tell_in_json(struct cli *cli, const char *id, const json_t *job)
{
	char *text = json_dumps(job, JSON_COMPACT), path[128];
	struct refusals refusals = { false };

	if (text == NULL)
		return cli_refuse_outcome(NO_MEMORY, NULL);
	text[strlen(text) - 1] = '\0'; /* it ends with a brace */
	printf("%s,\"refusals\":[", text);
	free(text);
	write_path(id, "/refusals", path, sizeof(path));
	enum cli_end end = remote_each(cli, path, on_refusal, on_refusals_page, &refusals);
	puts("]}");
	return end;
}

static enum cli_end tell(struct cli *cli, const char *id, const json_t *job)
{
	bool has_refusals = remote_number(job, "refused") > 0;
	enum cli_end end = CLI_DONE;

	if (cli->json)
		end = tell_in_json(cli, id, job);
	else
		show_json(job, stdout);
	if (!cli->json && has_refusals) {
		putchar('\n');
		end = job_list_refusals(cli, id);
	}
	if (end == CLI_DONE && is_in(job, "CANCELLED"))
		end = cli_refuse_outcome(CONFLICT, "the job was cancelled");
	return end == CLI_DONE && has_refusals ? CLI_REFUSED : end;
}

static enum cli_end begin(struct cli *cli, const struct job_plan *plan, json_t **job)
{
	enum cli_end end = put_job(cli, plan, job);

	if (end == CLI_DONE && is_over(*job))
		fprintf(stderr,
			"arpfctl: job %s ended before, %s; nothing is done again (--restart "
			"does)\n",
			plan->id, remote_text(*job, "changedAt"));
	if (end != CLI_DONE || !is_in(*job, "OPEN"))
		return end;
	fprintf(stderr, "arpfctl: job %s\n", plan->id);
	if (plan->selection == NULL)
		end = add_items(cli, plan);
	return end == CLI_DONE ? ask(cli, "POST", plan->id, "/start", NULL, job) : end;
}

enum cli_end job_run(struct cli *cli, const struct job_plan *plan)
{
	json_t *job = NULL;
	enum cli_end end = begin(cli, plan, &job);

	if (end == CLI_DONE && plan->waits)
		end = watch(cli, plan, &job);
	if (end == CLI_DONE && plan->waits)
		end = tell(cli, plan->id, job);
	else if (end == CLI_DONE && cli->json)
		end = cli_answer_json(json_incref(job));
	else if (end == CLI_DONE)
		show_json(job, stdout);
	json_decref(job);
	return end;
}
