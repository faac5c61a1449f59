#include "loadtest/walk.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "loadtest/procedures.h"
#include "loadtest/walk_parts.h"

#define AT(member) offsetof(struct walk_options, member)
static const struct option_row rows[] = {
	{ "procedure", "P", PROCEDURES, OPTION_TEXT, AT(procedure), .required = true },
	{ "fleet", "DIR", "take a device of this fleet (headless-device: its maker), not a new one",
		OPTION_TEXT, AT(fleet) },
	{ "device", "I", "which, from 0; 0 unless given", OPTION_NUMBER, AT(device), 0,
		FLEET_DEVICES_MAX },
	{ "plmn", "PLMN", "of a new dIMSI, 00199 unless given, or the companion's, 00101",
		OPTION_TEXT, AT(plmn) },
	{ "serving-plmn", "PLMN", "of the serving network; 00101 unless given", OPTION_TEXT,
		AT(serving_plmn) },
	{ "companion-supi", "SUPI", "imsi-...: a subscriber that the server has", OPTION_TEXT,
		AT(companion_supi) },
	{ "supi", "SUPI", "auth-data: the same", OPTION_TEXT, AT(companion_supi) },
	{ "k-file", "FILE", "its K, 32 hex digits", OPTION_TEXT, AT(k_file) },
	{ "opc-file", "FILE", "its OPc, 32 hex digits", OPTION_TEXT, AT(opc_file) },
	{ "af-fqdn", "NAME", "the server's name in AF_ID; $ARPF_AF_FQDN unless given", OPTION_TEXT,
		AT(af_fqdn) },
	{ "group", "G", "companion-dh: ffdhe2048, ffdhe3072, p256, x25519; p256 unless given",
		OPTION_TEXT, AT(group) },
	{ "key", "KIND", "headless-device: p256 or rsa; p256 unless given", OPTION_TEXT, AT(key) },
	SERVER_ROWS(AT(server)),
	{ "download", NULL, "first-auth: and step 11, the profile", OPTION_FLAG, AT(download) },
	{ "save", "FILE", "a profile's SUPI and keys: FILE.supi, FILE.k, FILE.opc", OPTION_TEXT,
		AT(save) },
	{ "expect", "CAUSE", "auth-data: must be refused with this cause", OPTION_TEXT,
		AT(expect) },
	{ "no-trust", NULL, "do not ask the server to agree on the maker's root", OPTION_FLAG,
		AT(no_trust) },
};

static const struct command command = {
	.name = "walk",
	.about =
		"Takes one device through a procedure against a running server, and shows each "
		"step by\n"
		"its number. Keys are shown by fingerprints: the first 8 bytes of their "
		"SHA-256.\n\n"
		"companion-dh and headless-device need a companion UE that the server has as a\n"
		"subscriber (arpfctl subscriber add): --companion-supi, --k-file, --opc-file. They "
		"end\n"
		"with the new device's first 5G AKA. auth-data is one 5G AKA of a subscriber: "
		"--supi,\n"
		"--k-file, --opc-file.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

static bool is_usable(const struct procedure *p, const struct walk_options *o)
{
	if (p->walk == NULL)
		fprintf(stderr, "arpfload walk: --procedure %s: nothing to show\n", p->name);
	else if (p->needs_subscriber &&
		 (o->companion_supi == NULL || o->k_file == NULL || o->opc_file == NULL))
		fprintf(stderr,
			"arpfload walk: --%s, --k-file and --opc-file are required for %s\n",
			p->fleet->has_companions ? "companion-supi" : "supi", p->name);
	else
		return true;
	return false;
}

static bool take_steps(struct walk *w)
{
	const struct walk_options *o = w->options;

	if (!server_open(&w->server, &o->server, 1))
		return false;
	serving_network_name(o->serving_plmn, w->serving_network);
	return w->procedure->walk(w);
}

int command_walk(int count, char **words)
{
	struct walk_options o = { .serving_plmn = "00101", .group = "p256", .key = "p256" };

	switch (options_read(&command, count, words, &o)) {
	case OPTIONS_HELP:
		return 0;
	case OPTIONS_WRONG:
		return 2;
	case OPTIONS_READ:
		break;
	}
	const struct procedure *procedure = procedure_find(o.procedure);

	if (procedure == NULL || !is_usable(procedure, &o))
		return 2;
	struct walk *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return 1;
	w->options = &o;
	w->procedure = procedure;
	w->fleet.fd = -1;
	bool fine = take_steps(w);

	if (w->server.loop != NULL)
		server_close(&w->server);
	server_identity_end(&w->identity);
	fleet_close(&w->fleet);
	wipe(w, sizeof(*w));
	free(w);
	return fine ? 0 : 1;
}
