#include "loadtest/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONCURRENCY      64
#define RATE_CONCURRENCY 512 /* so many connections at most that an open loop opens */
#define ALL              UINT64_MAX

#define AT(member) offsetof(struct run_options, member)
static const struct option_row rows[] = {
	{ "procedure", "P", "initial-attach", OPTION_TEXT, AT(procedure), .required = true },
	{ "fleet", "DIR", "the fleet's folder", OPTION_TEXT, AT(fleet), .required = true },
	SERVER_ROWS(AT(server)),
	{ "concurrency", "C", "requests under way at once; 64 unless given (with --rate: 512)",
		OPTION_NUMBER, AT(concurrency), 1, 10000 },
	{ "rate", "R", "devices a second, due whatever the server does", OPTION_NUMBER, AT(rate), 1,
		1000000 },
	{ "batch", "B", "devices a request, by contexts/batch", OPTION_NUMBER, AT(batch), 1, 1000 },
	{ "duration", "S", "seconds after which no device is begun", OPTION_NUMBER, AT(duration_s),
		1, 1000000 },
	{ "devices", "N", "how many; all unless given", OPTION_NUMBER, AT(devices), 1,
		FLEET_DEVICES_MAX },
	{ "first", "I", "the first one, from 0", OPTION_NUMBER, AT(first), 0, FLEET_DEVICES_MAX },
	{ "verify", "PERCENT", "verified as the device would; 100 unless given", OPTION_NUMBER,
		AT(verify), 0, 100 },
	{ "timeout", "S", "of one request; 30 unless given", OPTION_NUMBER, AT(timeout_s), 1,
		3600 },
	{ "retry", NULL, "repeat what is answered 503 or not at all", OPTION_FLAG, AT(retry) },
	{ "deadline", "S", "how long to repeat; 60 unless given", OPTION_NUMBER, AT(deadline_s), 1,
		86400 },
	{ "acknowledged", "FILE", "append \"dimsi imsi\" for each 2xx, at once", OPTION_TEXT,
		AT(acknowledged) },
	{ "json", "FILE", "the figures as JSON; - is stdout, in place of the table", OPTION_TEXT,
		AT(json) },
	{ "no-trust", NULL, "do not ask the server to agree on the fleet's CERT.CI", OPTION_FLAG,
		AT(no_trust) },
};

static const struct command command = {
	.name = "run",
	.about = "Provisions a fleet's devices (Solution #5.x, 0-d to 2), then lets each attach (3 "
		 "to 7)\n"
		 "and verifies the answers as its secure element would. Ends with 1 where any "
		 "answer\n"
		 "was wrong.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

/* --first and --devices against what the fleet has. */
static bool choose_devices(struct run *run)
{
	const struct run_options *o = run->options;
	uint64_t left = o->first < run->fleet->count ? run->fleet->count - o->first : 0;
	uint64_t devices = o->devices == ALL ? left : o->devices;

	run->first = o->first;
	if (left == 0 || devices > left) {
		fprintf(stderr, "arpfload: %s: has only %llu devices\n", o->fleet,
			(unsigned long long)run->fleet->count);
		return false;
	}
	if (!tally_start(&run->tally, run->first, devices)) {
		fprintf(stderr, "arpfload: no memory for %llu devices\n",
			(unsigned long long)devices);
		return false;
	}
	return true;
}

static bool open_acknowledged(struct run *run)
{
	const char *file = run->options->acknowledged;

	if (file == NULL)
		return true;
	run->acknowledged_fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (run->acknowledged_fd < 0)
		fprintf(stderr, "arpfload: %s: %s\n", file, strerror(errno));
	return run->acknowledged_fd >= 0;
}

/* Step 0-a once more: whose endorsements these will be. */
static bool meet_server(struct run *run)
{
	const struct run_options *o = run->options;
	struct arpf_certificates arpf;
	char ci_file[URL_MAX];

	if (!server_open(&run->server, &o->server, (unsigned)o->concurrency) ||
		fetch_arpf_certificates(&run->server, bytes_of(NULL, 0), &arpf) != FINE)
		return false;
	if (signature_checker_new(BYTES(arpf.signer_point), arpf.signer_id, &run->checker) != FINE)
		return false;
	if (!o->no_trust && path_in(o->fleet, "ci.pem", ci_file, sizeof(ci_file)))
		offer_trust_anchor(
			&run->server, authority_certificate(&run->fleet->maker.ci), ci_file);
	return true;
}

static bool choose_for_vectors(struct run *run)
{
	const struct tally *t = &run->tally;

	run->chosen = calloc((size_t)t->devices, sizeof(*run->chosen));
	if (run->chosen == NULL)
		return false;
	for (uint64_t i = 0; i < t->devices; i++)
		if (t->imsis[i] != 0 && run_verifies(run, run->first + i))
			run->chosen[run->chosen_count++] = (uint32_t)(run->first + i);
	return true;
}

/* Where the rest were refused for a reason, or not even --retry brought an answer, that is no success. */
static int verdict(const struct run *run)
{
	const struct tally *t = &run->tally;
	uint64_t errors = 0;

	for (int i = 0; i < OUTCOME_COUNT; i++)
		errors += t->errors[i];
	if (tally_wrong_total(t) > 0 || t->acknowledged + t->expected_refusals == 0)
		return 1;
	return run->options->retry && errors > 0 ? 1 : 0;
}

static int run_fleet(struct run *run)
{
	if (!choose_devices(run) || !open_acknowledged(run) || !meet_server(run))
		return 1;
	attach_texts_make(&run->texts, &run->fleet->maker);
	attach_serving_network(
		run->fleet->header.plmn, run->vectors_body, sizeof(run->vectors_body));
	if (run_provisioning(run) != FINE || !choose_for_vectors(run)) {
		fprintf(stderr, "arpfload: no memory, or --acknowledged could not be written\n");
		return 1;
	}
	if (run->chosen_count > 0 && !run->provisioning.interrupted && run_vectors(run) != FINE)
		return 1;
	return run_report(run) ? verdict(run) : 1;
}

static void close_run(struct run *run)
{
	if (run->server.loop != NULL)
		server_close(&run->server);
	if (run->acknowledged_fd >= 0)
		close(run->acknowledged_fd);
	signature_checker_free(run->checker);
	tally_end(&run->tally);
	free(run->chosen);
	fleet_close(run->fleet);
	free(run->fleet);
	free(run);
}

int command_run(int count, char **words)
{
	struct run_options o = { .devices = ALL, .verify = 100, .timeout_s = 30, .deadline_s = 60 };

	switch (options_read(&command, count, words, &o)) {
	case OPTIONS_HELP:
		return 0;
	case OPTIONS_WRONG:
		return 2;
	case OPTIONS_READ:
		break;
	}
	if (!procedure_is_known(o.procedure))
		return 2;
	if (o.concurrency == 0)
		o.concurrency = o.rate > 0 ? RATE_CONCURRENCY : CONCURRENCY;
	struct run *run = calloc(1, sizeof(*run));
	struct fleet *fleet = calloc(1, sizeof(*fleet));
	int result = 1;

	if (run == NULL || fleet == NULL) {
		free(run);
		free(fleet);
		return 1;
	}
	run->options = &o;
	run->fleet = fleet;
	run->acknowledged_fd = -1;
	if (fleet_open(fleet, o.fleet))
		result = run_fleet(run);
	close_run(run);
	return result;
}
