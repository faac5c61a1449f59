#include "loadtest/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/secret.h"
#include "loadtest/certificate_server.h"
#include "loadtest/procedures.h"
#include "loadtest/run_mix.h"

#define CONCURRENCY      64
#define RATE_CONCURRENCY 512 /* so many connections at most that an open loop opens */
#define ALL              UINT64_MAX
#define BATCH            100 /* where provisioning is not what is measured */

#define AT(member) offsetof(struct run_options, member)
static const struct option_row rows[] = {
	{ "procedure", "P", PROCEDURES, OPTION_TEXT, AT(procedure) },
	{ "mix", "P=N,...", "several at once in these proportions, in place of --procedure",
		OPTION_TEXT, AT(mix) },
	{ "fleet", "DIR", "the fleet's folder; with --mix the one of folders named by procedure",
		OPTION_TEXT, AT(fleet), .required = true },
	SERVER_ROWS(AT(server)),
	{ "concurrency", "C", "requests under way at once; 64 unless given (with --rate: 512)",
		OPTION_NUMBER, AT(concurrency), 1, 10000 },
	{ "rate", "R", "devices a second, due whatever the server does", OPTION_NUMBER, AT(rate), 1,
		1000000 },
	{ "batch", "B", "devices a request, by contexts/batch (first-auth: 100)", OPTION_NUMBER,
		AT(batch), 1, 1000 },
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
	{ "no-trust", NULL, "leave the server without the fleet's root and its subscribers",
		OPTION_FLAG, AT(no_trust) },
	{ "detach", NULL, "device-attach: end the session too", OPTION_FLAG, AT(detach) },
	{ "no-confirmation", NULL, "companion-dh: steps 3 to 8 only", OPTION_FLAG,
		AT(no_confirmation) },
	{ "order", "ORDER", "auth-data: sequential or random; sequential unless given", OPTION_TEXT,
		AT(order) },
	{ "resync", "PERCENT", "auth-data: of the USIMs are ahead of the network and send AUTS",
		OPTION_NUMBER, AT(resync), 0, 100 },
	{ "af-fqdn", "NAME", "the server's name in AF_ID; $ARPF_AF_FQDN unless given", OPTION_TEXT,
		AT(af_fqdn) },
	{ "certificate-port", "PORT", "of the devices' certificates on 127.0.0.1; a free one",
		OPTION_NUMBER, AT(certificate_port), 1, 65535 },
	{ "serving-plmn", "PLMN", "first-auth: of the serving network; 00101 unless given",
		OPTION_TEXT, AT(serving_plmn) },
};

static const struct command command = {
	.name = "run",
	.about = "Takes a fleet's devices through a procedure and verifies the answers as the "
		 "devices\n"
		 "would. Ends with 1 where any answer was wrong.\n\n"
		 "  initial-attach   Solution #5.x: provisions (0-d to 2), then each attaches (3 "
		 "to 7)\n"
		 "  first-auth       the same in batches, then each authenticates with eK (8 to "
		 "10)\n"
		 "  auth-data        asks for vectors of subscribers; with --duration again and "
		 "again\n"
		 "  companion-dh     Solution #12.x: companion UEs' sessions, then steps 3 to 12\n"
		 "  headless-device  Solution #12.z: companion UEs' sessions, then steps 2 to 8\n"
		 "  device-attach    Solution 12.X: steps 1 to 4; with --detach 6 too\n"
		 "  profile-download Solution 12.X: steps 1 to 6; of those verified 7 too\n\n"
		 "auth-data and headless-device need the fleet's subscribers in the server. One "
		 "whose\n"
		 "$ARPF_URL and $ARPF_CONFIG are set gets them first; into another put them by "
		 "arpfctl\n"
		 "subscriber import DIR/subscribers.csv. companion-dh only registers its sessions.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

/* --first and --devices against what the fleet has; a mix takes what there is. */
static bool choose_devices(struct run *run)
{
	const struct run_options *o = run->options;
	uint64_t first = run->is_mixed ? 0 : o->first;
	uint64_t left = first < run->fleet->count ? run->fleet->count - first : 0;
	uint64_t devices = o->devices == ALL || run->is_mixed ? left : o->devices;

	run->first = first;
	if (left == 0 || devices > left) {
		fprintf(stderr, "arpfload: %s: has only %llu devices\n", run->folder,
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

/* Where the rest were refused for a reason, or not even --retry brought an answer, that is no success. */
int run_verdict(const struct run *run)
{
	const struct tally *t = &run->tally;
	uint64_t errors = 0;

	for (int i = 0; i < OUTCOME_COUNT; i++)
		errors += t->errors[i];
	if (tally_wrong_total(t) > 0 || t->acknowledged + t->completed + t->expected_refusals == 0)
		return 1;
	return run->options->retry && errors > 0 ? 1 : 0;
}

static bool is_of_procedure(const struct run *run)
{
	const struct fleet_kind *kind = run->procedure->fleet;

	if (strcmp(run->fleet->header.procedure, kind->name) == 0)
		return true;
	fprintf(stderr, "arpfload: %s: a fleet of %s; this takes one of %s\n", run->folder,
		run->fleet->header.procedure, kind->name);
	return false;
}

static int run_fleet(struct run *run)
{
	if (!open_acknowledged(run) || !run->procedure->begin(run))
		return 1;
	bool is_left = run->chosen == NULL || run->chosen_count > 0;

	if (is_left && !run->provisioning.interrupted && run_steps(run) != FINE)
		return 1;
	return run_report(run) ? run_verdict(run) : 1;
}

static void wipe_and_free(void *at, size_t len)
{
	if (at != NULL)
		wipe(at, len);
	free(at);
}

void run_close(struct run *run)
{
	if (run == NULL)
		return;
	certificate_server_free(run->certificates);
	if (!run->is_mixed && run->server.loop != NULL)
		server_close(&run->server);
	if (run->acknowledged_fd >= 0)
		close(run->acknowledged_fd);
	signature_checker_free(run->checker);
	server_identity_end(&run->identity);
	free(run->chosen);
	wipe_and_free(run->usims, (size_t)run->tally.devices * sizeof(*run->usims));
	wipe_and_free(run->companions,
		(size_t)run->fleet->header.companion_count * sizeof(*run->companions));
	tally_end(&run->tally);
	fleet_close(run->fleet);
	free(run->fleet);
	free(run);
}

static bool open_fleet(struct run *run)
{
	const struct run_options *o = run->options;

	if (!fleet_open(run->fleet, run->folder) || !is_of_procedure(run) || !choose_devices(run))
		return false;
	serving_network_name(
		run->procedure->fleet->is_home ? run->fleet->header.plmn : o->serving_plmn,
		run->serving_network);
	run->is_random = strcmp(o->order, "random") == 0;
	return run->is_mixed || server_open(&run->server, &o->server, (unsigned)o->concurrency);
}

struct run *run_open(const struct run_options *o, const struct procedure *p, const char *folder,
	const struct server *server)
{
	struct run *run = calloc(1, sizeof(*run));
	struct fleet *fleet = calloc(1, sizeof(*fleet));

	if (run == NULL || fleet == NULL || strlen(folder) >= sizeof(run->folder)) {
		free(run);
		free(fleet);
		return NULL;
	}
	run->options = o;
	run->procedure = p;
	memcpy(run->folder, folder, strlen(folder) + 1);
	run->fleet = fleet;
	run->fleet->fd = -1;
	run->is_mixed = server != NULL;
	if (run->is_mixed)
		run->server = *server;
	run->acknowledged_fd = -1;
	if (open_fleet(run))
		return run;
	run_close(run);
	return NULL;
}

static bool order_is_known(const char *order)
{
	if (strcmp(order, "sequential") == 0 || strcmp(order, "random") == 0)
		return true;
	fprintf(stderr, "arpfload: --order %s: there are sequential, random\n", order);
	return false;
}

static int run_one(struct run_options *o)
{
	const struct procedure *procedure = procedure_find(o->procedure);

	if (procedure == NULL)
		return 2;
	if (procedure->provisions && !procedure->paces_provisioning && o->batch == 0)
		o->batch = BATCH;
	struct run *run = run_open(o, procedure, o->fleet, NULL);
	int result = run != NULL ? run_fleet(run) : 1;

	run_close(run);
	return result;
}

int command_run(int count, char **words)
{
	struct run_options o = { .devices = ALL,
		.verify = 100,
		.timeout_s = 30,
		.deadline_s = 60,
		.order = "sequential",
		.serving_plmn = "00101" };

	switch (options_read(&command, count, words, &o)) {
	case OPTIONS_HELP:
		return 0;
	case OPTIONS_WRONG:
		return 2;
	case OPTIONS_READ:
		break;
	}
	if ((o.procedure == NULL) == (o.mix == NULL)) {
		fprintf(stderr, "arpfload run: --procedure P or --mix P=N,... is required\n");
		return 2;
	}
	if (!order_is_known(o.order))
		return 2;
	if (o.concurrency == 0)
		o.concurrency = o.rate > 0 ? RATE_CONCURRENCY : CONCURRENCY;
	return o.mix != NULL ? run_mixed(&o) : run_one(&o);
}
