/*
 * The procedures that arpfload knows, each in one row: whose fleets it drives, what comes before its
 * measurement, its requests one after the other, its walk. One thread.
 */
#ifndef LOADTEST_PROCEDURES_H
#define LOADTEST_PROCEDURES_H

#include "loadtest/fleet_make.h"

struct run;
struct flight;
struct walk;

/* For --procedure's help. */
#define PROCEDURES                                                                              \
	"initial-attach, first-auth, auth-data, companion-dh, headless-device, device-attach, " \
	"profile-download"

struct fleet_kind {
	const char *name;  /* in a fleet's header */
	const char *plmn;  /* unless given */
	const char *trust; /* of which use its maker's root is an anchor; NULL: none */
	enum maker_kind maker;
	bool for_arpf;       /* its devices are made for one ARPF */
	bool is_home;        /* its numbers are subscribers' of the home PLMN */
	bool has_companions; /* its numbers are those of companion UEs */
	enum outcome (*make)(const struct fleet_making *m, uint64_t i, struct fleet_record *out);
};

/* One request of a device's run. */
struct run_step {
	const char *name; /* in tables and JSON */
	/* Path and body. false: it cannot be written, which has been counted. */
	bool (*write)(struct run *run, struct flight *f);
	/* Judges a 2xx. false: the device's run ends here, and why has been counted. */
	bool (*judge)(struct run *run, struct flight *f);
};

struct procedure {
	const char *name;
	const struct fleet_kind *fleet;
	const char *phase, *phase_key; /* what its measurement is called, and in JSON */
	bool provisions;               /* 4.4 comes first, in batches or one by one */
	bool paces_provisioning;       /* --rate and --duration are that phase's */
	bool repeats;                  /* a device may be asked for again and again */
	bool (*begin)(struct run *run);
	const struct run_step *steps;
	unsigned step_count;
	size_t state_size;               /* of flight->state */
	bool needs_subscriber;           /* its walk: one that the server has, with its keys */
	bool (*walk)(struct walk *walk); /* NULL: there is none */
};

/* NULL, and said on stderr, where there is no such procedure. */
const struct procedure *procedure_find(const char *name);

#endif
