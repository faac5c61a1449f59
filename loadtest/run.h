/*
 * arpfload run: the service provider's side of initial attach for a fleet (4.4), then each device's first
 * attach (4.5, 4.6), which is where RAND and AUTN are opened. The two are measured one after the other, so that
 * neither disturbs the other's figures; endorsements are checked as they come.
 */
#ifndef LOADTEST_RUN_H
#define LOADTEST_RUN_H

#include "loadtest/attach.h"
#include "loadtest/drive.h"
#include "loadtest/progress.h"
#include "loadtest/tally.h"

/* words[0] is "run". Answers what main() does. */
int command_run(int count, char **words);

struct run_options {
	const char *procedure, *fleet, *json, *acknowledged;
	struct server_options server;
	uint64_t rate, concurrency, batch, duration_s, devices, first, verify, timeout_s,
		deadline_s;
	bool retry, no_trust;
};

struct run {
	const struct run_options *options;
	struct fleet *fleet;
	struct server server;
	struct attach_texts texts;
	struct signature_checker *checker;
	struct tally tally;
	uint64_t first;
	struct progress progress;
	uint64_t progressed;
	int acknowledged_fd; /* -1: none */
	uint32_t *chosen;    /* devices whose vectors are fetched */
	uint64_t chosen_count;
	char vectors_body[96]; /* the same for every device */
	struct drive_result provisioning, vectors;
};

/* Each until the fleet is through; BROKEN: no memory, or --acknowledged could not be written. */
enum outcome run_provisioning(struct run *run);
enum outcome run_vectors(struct run *run);
/* Spread evenly over the fleet. */
bool run_verifies(const struct run *run, uint64_t device);

/* To stdout, and where asked for to --json FILE. false: it could not be written. */
bool run_report(const struct run *run);

#endif
