/*
 * arpfload run: a fleet's devices go through a procedure, request after request, and the answers are judged as
 * the devices would. Initial attach has a phase before that, the service provider's side (4.4); the two are
 * measured one after the other, so that neither disturbs the other's figures.
 */
#ifndef LOADTEST_RUN_H
#define LOADTEST_RUN_H

#include <limits.h>

#include "base/progress.h"
#include "device/companion_ue.h"
#include "device/server_identity.h"
#include "loadtest/aka.h"
#include "loadtest/attach.h"
#include "loadtest/drive.h"
#include "loadtest/tally.h"

struct procedure;
struct run_step;
struct certificate_server;

/* words[0] is "run". Answers what main() does. */
int command_run(int count, char **words);

struct run_options {
	const char *procedure, *mix, *fleet, *json, *acknowledged, *af_fqdn, *order, *serving_plmn;
	struct server_options server;
	uint64_t rate, concurrency, batch, duration_s, devices, first, verify, timeout_s,
		deadline_s, certificate_port, resync;
	bool retry, no_trust, no_confirmation, detach;
};

struct run {
	const struct run_options *options;
	const struct procedure *procedure;
	char folder[PATH_MAX]; /* the fleet's */
	struct fleet *fleet;
	bool is_mixed; /* one of several that run at once: what it provisions is a step of it */
	struct server server;
	struct attach_texts texts;
	struct signature_checker *checker; /* NULL: none, or the server shows who it is each time */
	struct server_identity identity;   /* device-attach, profile-download */
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
/* One that is mixed provisions by its first step; NULL behind the last. */
const struct run_step *run_step_at(const struct run *run, unsigned i);
/* Judges an answer of a step; what the flight does then. */
enum flight_verdict run_judge(struct run *run, struct flight *f, enum outcome outcome, bool last);
#define RUN_BODY_MAX 8192 /* of every procedure's steps */
/* Spread evenly over the fleet. */
bool run_verifies(const struct run *run, uint64_t device);

/* For the steps: which device a flight is for, and its record. */
uint64_t run_device(const struct run *run, const struct flight *f);
const struct fleet_record *run_record(const struct run *run, const struct flight *f);
/* A POST of the body written to f->body; false, and counted, where the path does not fit. */
__attribute__((format(printf, 4, 5))) bool run_post(
	struct run *run, struct flight *f, size_t body_len, const char *path, ...);
/* A DELETE; the same. */
__attribute__((format(printf, 3, 4))) bool run_delete(
	struct run *run, struct flight *f, const char *path, ...);
/* Counts a wrong answer; answers false, for a judge to return. */
bool run_wrong(struct run *run, enum wrong_answer w);

/*
 * A run with its fleet, ready to begin. server: the one it shares with others, which is then mixed; NULL: one of its
 * own. NULL, and said on stderr, where there is no such fleet or server.
 */
struct run *run_open(const struct run_options *o, const struct procedure *p, const char *folder,
	const struct server *server);
/* NULL is allowed. */
void run_close(struct run *run);
/* What main() is to answer. */
int run_verdict(const struct run *run);

struct run_mix;
/* To stdout, and where asked for to --json FILE. false: it could not be written. */
bool run_report(const struct run *run);
bool run_report_mix(const struct run_mix *m);

#endif
