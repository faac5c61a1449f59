#include "loadtest/walk.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/kdf.h"
#include "loadtest/attach.h"
#include "loadtest/exchange.h"
#include "loadtest/fleet_create.h"

struct walk_options {
	const char *procedure, *fleet, *plmn;
	uint64_t device;
	struct server_options server;
	bool no_trust;
};

#define AT(member) offsetof(struct walk_options, member)
static const struct option_row rows[] = {
	{ "procedure", "P", "initial-attach", OPTION_TEXT, AT(procedure), .required = true },
	{ "fleet", "DIR", "take a device of this fleet; a new one unless given", OPTION_TEXT,
		AT(fleet) },
	{ "device", "I", "which, from 0; 0 unless given", OPTION_NUMBER, AT(device), 0,
		FLEET_DEVICES_MAX },
	{ "plmn", "PLMN", "discovery PLMN of a new device; 00199 unless given", OPTION_TEXT,
		AT(plmn) },
	SERVER_ROWS(AT(server)),
	{ "no-trust", NULL, "do not ask the server to agree on CERT.CI", OPTION_FLAG,
		AT(no_trust) },
};

static const struct command command = {
	.name = "walk",
	.about = "Takes one device through Solution #5.x against a running server, and shows each "
		 "step\n"
		 "by its number. Keys are shown by fingerprints: the first 8 bytes of their "
		 "SHA-256.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

struct walk {
	const struct walk_options *options;
	struct server server;
	struct fleet fleet;
	struct arpf_certificates arpf;
	struct fleet_record device;
	struct attach_texts texts;
	struct attach_answer answer;
	char dimsi[IMSI_DIGITS + 1];
	uint8_t rand[16], autn[16];
};

static void heading(const char *number, const char *what)
{
	printf("(%s) %s\n", number, what);
}

__attribute__((format(printf, 2, 3))) static void line(const char *name, const char *format, ...)
{
	va_list rest;

	printf("      %-16s ", name);
	va_start(rest, format);
	vprintf(format, rest);
	va_end(rest);
	putchar('\n');
}

static void hex_line(const char *name, struct bytes bytes)
{
	char text[2 * P256_POINT_LEN + 1];

	hex_write(bytes, text);
	line(name, "%s", text);
}

static void fingerprint_line(const char *name, const uint8_t key[16])
{
	uint8_t hash[SHA256_LEN];
	struct bytes in = bytes_of(key, 16);
	char text[17];

	if (sha256(&in, 1, hash) != FINE)
		return;
	hex_write(bytes_of(hash, 8), text);
	line(name, "fingerprint %s", text);
}

static bool failed(const char *step, const char *why)
{
	fprintf(stderr, "arpfload: step %s: %s\n", step, why);
	return false;
}

static bool ask_arpf(struct walk *w)
{
	heading("0-a", "The service provider retrieves CERT.ARPF.ECKA from the ARPF");
	line("GET", "%s/narpf-ek/v1/certificate", w->server.url);
	if (fetch_arpf_certificates(&w->server, bytes_of(NULL, 0), &w->arpf) != FINE)
		return false;
	hex_line("keyId", BYTES(w->arpf.ecka.key_id));
	return true;
}

static bool give_dimsi(struct walk *w)
{
	const struct walk_options *o = w->options;

	heading("0-b", "It gives the UE a dIMSI and the certificate");
	if (o->fleet != NULL) {
		if (!fleet_open(&w->fleet, o->fleet))
			return false;
		if (o->device >= w->fleet.count)
			return failed("0-b", "the fleet has no such device");
		w->device = *fleet_at(&w->fleet, o->device);
	} else if (!fleet_describe(&w->fleet, o->procedure, o->plmn, FLEET_RANDOM_FIRST, 1, 1) ||
		   fleet_make_device(&w->fleet, NULL, &w->arpf.ecka, 0, &w->device) != FINE) {
		return failed("0-b", "the device could not be made");
	}
	imsi_write(w->device.dimsi, w->dimsi);
	line("dIMSI", "%s", w->dimsi);
	return true;
}

static bool show_element(struct walk *w)
{
	const struct fleet_record *d = &w->device;

	heading("0-c",
		"The SE verifies CERT.ARPF.ECKA, agrees on SHS, derives eK, signs the token");
	line("CERT.ARPF.ECKA", "verified up to its root");
	line("SE id", "%s", d->se_id);
	hex_line("PK.ARPF.ECKA", BYTES(w->arpf.ecka.public_key));
	line("CERT.SE.ECDSA", "%u bytes, signed by %s", d->certificate_len,
		w->fleet.maker.parts[d->part].name);
	line("ATK.SE.ECDHE", "%u bytes of COSE_Sign1: dIMSI, PK.SE.ECDHE, keyId, nonce",
		d->atk_len);
	fingerprint_line("eKc", d->keys.ekc);
	fingerprint_line("eKi", d->keys.eki);
	return true;
}

static bool check_answer(struct walk *w)
{
	const struct attach_answer *a = &w->answer;
	const struct fleet_record *d = &w->device;
	struct signature_checker *checker;
	enum outcome o =
		signature_checker_new(BYTES(w->arpf.signer_point), w->arpf.signer_id, &checker);

	if (o != FINE)
		return failed("0-e", "no memory");
	if (!a->is_complete || a->dimsi != d->dimsi ||
		!bytes_equal(a->se_id, bytes_of_text(d->se_id)))
		o = INVALID_PARAMETER;
	else
		o = endorsement_check(checker, &a->endorsement, bytes_of(d->atk, d->atk_len),
			d->dimsi, d->se_id, a->issued_at);
	signature_checker_free(checker);
	return o == FINE || failed("0-e", "the answer or its endorsement is wrong");
}

static bool show_answer(struct walk *w, int status)
{
	const struct attach_answer *a = &w->answer;

	heading("0-e",
		"The ARPF checks CI, PN, SE and ATK, derives the same eK, endorses the token");
	line("endorsement", "leaf %" PRIu64 " of %" PRIu64 ", issued at %" PRIu64,
		a->endorsement.leaf_index, a->endorsement.tree_size, a->issued_at);
	if (!check_answer(w))
		return false;
	line("", "verified under the ARPF's signing certificate");
	heading("1", "The Target AUSF allocates an IMSI, computes output_1 and output_2");
	line("IMSI", "%015" PRIu64, a->imsi);
	heading("2", "It hands RAND = output_1, AUTN = output_2 and dIMSI - IMSI to the D-AUSF");
	line("answer", "%d, %s", status, status == 201 ? "a new context" : "known from before");
	return true;
}

static bool provision(struct walk *w)
{
	char body[ATTACH_ITEM_MAX], cause[64];
	struct http_request r;

	attach_texts_make(&w->texts, &w->fleet.maker);
	heading("0-d", "The service provider sends the SE CREDENTIALS to the target operator");
	size_t len = attach_write_item(&w->texts, &w->device, body);
	line("POST", "%s/nausf-initial-attach/v1/contexts, %zu bytes", w->server.url, len);
	enum outcome o = exchange(
		&w->server, "POST", "/nausf-initial-attach/v1/contexts", bytes_of(body, len), &r);
	bool fine = false;

	if (o != FINE) {
		failed("0-d", outcome_name(o));
	} else if (r.status / 100 != 2 || !attach_read_answer(r.answer, &w->answer)) {
		problem_cause(r.answer, cause, sizeof(cause));
		fprintf(stderr, "arpfload: step 0-d: answered %d %s\n", r.status, cause);
	} else {
		fine = show_answer(w, r.status);
	}
	w->answer.se_id = bytes_of(NULL, 0);
	http_request_clear(&r);
	return fine;
}

static bool ask_vectors(struct walk *w)
{
	char path[128], body[96];
	const char *plmn = w->fleet.header.plmn;
	struct http_request r;

	heading("3", "The UE is switched on and sends an Attach Request with the dIMSI");
	heading("4", "By the dIMSI's PLMN the access network asks the D-AUSF");
	snprintf(path, sizeof(path), "/ndausf-auth/v1/%s/security-information/generate-auth-data",
		w->dimsi);
	attach_serving_network(plmn, body, sizeof(body));
	line("POST", "%s", path);
	enum outcome o = exchange(&w->server, "POST", path, bytes_of_text(body), &r);
	bool fine = o == FINE && r.status == 200 && vectors_read_answer(r.answer, w->rand, w->autn);

	http_request_clear(&r);
	if (!fine)
		return failed("5", "the D-AUSF has no vectors");
	heading("5", "The D-AUSF returns the authentication vector");
	hex_line("RAND", BYTES(w->rand));
	hex_line("AUTN", BYTES(w->autn));
	return true;
}

static bool attach(struct walk *w)
{
	uint64_t imsi = 0;

	heading("6", "The access network sends them to the UE in an Authentication Request");
	line("AMF bit", "%s", (w->autn[6] & 0x80) != 0 ? "set" : "NOT set");
	heading("7", "The SE checks AUTN by eKi, opens RAND by eKc, checks CTV, takes the IMSI");
	if (se_read_imsi(&w->device.keys, w->rand, w->autn, &imsi) != FINE)
		return failed("7", "RAND and AUTN are not from a network that has eK");
	line("AUTN", "right");
	line("CTV", "right");
	line("IMSI", "%015" PRIu64 ", %s", imsi,
		imsi == w->answer.imsi ? "the one allocated in step 1" : "ANOTHER than in step 1");
	return imsi == w->answer.imsi;
}

static bool take_steps(struct walk *w)
{
	const struct walk_options *o = w->options;

	if (!server_open(&w->server, &o->server, 1) || !ask_arpf(w) || !give_dimsi(w) ||
		!show_element(w))
		return false;
	if (!o->no_trust)
		offer_trust_anchor(&w->server, authority_certificate(&w->fleet.maker.ci),
			o->fleet != NULL ? "DIR/ci.pem" : "its CERT.CI");
	return provision(w) && ask_vectors(w) && attach(w);
}

int command_walk(int count, char **words)
{
	struct walk_options o = { .plmn = "00199" };

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
	struct walk *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return 1;
	w->options = &o;
	w->fleet.fd = -1;
	bool fine = take_steps(w);

	if (w->server.loop != NULL)
		server_close(&w->server);
	fleet_close(&w->fleet);
	free(w);
	return fine ? 0 : 1;
}
