/*
 * arpfload run: a fleet's devices go through a procedure, request after request, and the answers are judged as
 * the devices would. Initial attach has a phase before that, the service provider's side (4.4); the two are
 * measured one after the other, so that neither disturbs the other's figures.
 */
#ifndef LOADTEST_RUN_H
#define LOADTEST_RUN_H

#include "base/progress.h"
#include "device/companion_ue.h"
#include "loadtest/aka.h"
#include "loadtest/attach.h"
#include "loadtest/drive.h"
#include "loadtest/tally.h"

struct procedure;
struct certificate_server;

/* words[0] is "run". Answers what main() does. */
int command_run(int count, char **words);

struct run_options {
	const char *procedure, *fleet, *json, *acknowledged, *af_fqdn, *order, *serving_plmn;
	struct server_options server;
	uint64_t rate, concurrency, batch, duration_s, devices, first, verify, timeout_s,
		deadline_s, certificate_port, resync;
	bool retry, no_trust, no_confirmation;
};

struct run {
	const struct run_options *options;
	const struct procedure *procedure;
	struct fleet *fleet;
	struct server server;
	struct attach_texts texts;
	struct signature_checker *checker; /* NULL: the procedure has no signatures */
	struct tally tally;
	uint64_t first;
	struct progress progress;
	uint64_t progressed;
	int acknowledged_fd; /* -1: none */
	uint32_t *chosen;    /* the devices of the measured phase; NULL: all */
	uint64_t chosen_count;
	bool is_random;
	char serving_network[SERVING_NETWORK_MAX + 1];
	char vectors_body[96];                   /* the same for every device */
	struct usim *usims;                      /* auth-data: each subscriber's */
	struct companion_ue *companions;         /* companion-dh, headless-device */
	struct certificate_server *certificates; /* headless-device */
	bool said_unknown; /* the hint on subscribers that the server does not know */
	struct drive_result provisioning, measured;
};

/* Each until the fleet is through; BROKEN: no memory, or --acknowledged could not be written. */
enum outcome run_provisioning(struct run *run);
enum outcome run_steps(struct run *run);
/* Spread evenly over the fleet. */
bool run_verifies(const struct run *run, uint64_t device);

/* For the steps: which device a flight is for, and its record. */
uint64_t run_device(const struct run *run, const struct flight *f);
const struct fleet_record *run_record(const struct run *run, const struct flight *f);
/* A POST of the body written to f->body; false, and counted, where the path does not fit. */
__attribute__((format(printf, 4, 5))) bool run_post(
	struct run *run, struct flight *f, size_t body_len, const char *path, ...);
/* Counts a wrong answer; answers false, for a judge to return. */
bool run_wrong(struct run *run, enum wrong_answer w);

/* To stdout, and where asked for to --json FILE. false: it could not be written. */
bool run_report(const struct run *run);

#endif
