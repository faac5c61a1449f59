#include <inttypes.h>
#include <stdio.h>

#include "base/secret.h"
#include "loadtest/fleet_create.h"
#include "loadtest/procedures.h"
#include "loadtest/walk_download.h"

static bool ask_arpf(struct walk *w)
{
	walk_heading("0-a", "The service provider retrieves CERT.ARPF.ECKA from the ARPF");
	walk_line("GET", "%s/narpf-ek/v1/certificate", w->server.url);
	if (fetch_arpf_certificates(&w->server, bytes_of(NULL, 0), &w->arpf) != FINE)
		return false;
	walk_hex("keyId", BYTES(w->arpf.ecka.key_id));
	return true;
}

static bool give_dimsi(struct walk *w)
{
	const struct walk_options *o = w->options;
	struct fleet_making making = { &w->fleet, NULL, &w->arpf.ecka };

	walk_heading("0-b", "It gives the UE a dIMSI and the certificate");
	if (o->fleet != NULL) {
		if (!fleet_open(&w->fleet, o->fleet))
			return false;
		if (o->device >= w->fleet.count)
			return walk_failed("0-b", "the fleet has no such device");
		w->device = *fleet_at(&w->fleet, o->device);
	} else if (!fleet_describe(
			   &w->fleet, w->procedure->fleet, o->plmn, FLEET_RANDOM_FIRST, 1, 1) ||
		   fleet_make_attach(&making, 0, &w->device) != FINE) {
		return walk_failed("0-b", "the device could not be made");
	}
	imsi_write(w->device.imsi, w->dimsi);
	walk_line("dIMSI", "%s", w->dimsi);
	return true;
}

static bool show_element(struct walk *w)
{
	const struct fleet_record *d = &w->device;

	walk_heading("0-c",
		"The SE verifies CERT.ARPF.ECKA, agrees on SHS, derives eK, signs the token");
	walk_line("CERT.ARPF.ECKA", "verified up to its root");
	walk_line("SE id", "%s", d->id);
	walk_hex("PK.ARPF.ECKA", BYTES(w->arpf.ecka.public_key));
	walk_line("CERT.SE.ECDSA", "%u bytes, signed by %s", d->certificate_len,
		w->fleet.maker.parts[d->part].name);
	walk_line("ATK.SE.ECDHE", "%u bytes of COSE_Sign1: dIMSI, PK.SE.ECDHE, keyId, nonce",
		d->atk_len);
	walk_fingerprint("eKc", BYTES(d->keys.ekc));
	walk_fingerprint("eKi", BYTES(d->keys.eki));
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
		return walk_failed("0-e", "no memory");
	if (!a->is_complete || a->dimsi != d->imsi || !bytes_equal(a->se_id, bytes_of_text(d->id)))
		o = INVALID_PARAMETER;
	else
		o = endorsement_check(checker, &a->endorsement, bytes_of(d->atk, d->atk_len),
			d->imsi, d->id, a->issued_at);
	signature_checker_free(checker);
	return o == FINE || walk_failed("0-e", "the answer or its endorsement is wrong");
}

static bool show_answer(struct walk *w, int status)
{
	const struct attach_answer *a = &w->answer;

	walk_heading("0-e",
		"The ARPF checks CI, PN, SE and ATK, derives the same eK, endorses the token");
	walk_signature("endorsement", &a->endorsement);
	if (!check_answer(w))
		return false;
	walk_line("", "verified under the ARPF's signing certificate");
	walk_heading("1", "The Target AUSF allocates an IMSI, computes output_1 and output_2");
	walk_line("IMSI", "%015" PRIu64, a->imsi);
	walk_heading(
		"2", "It hands RAND = output_1, AUTN = output_2 and dIMSI - IMSI to the D-AUSF");
	walk_line(
		"answer", "%d, %s", status, status == 201 ? "a new context" : "known from before");
	return true;
}

static bool provision(struct walk *w)
{
	char body[ATTACH_ITEM_MAX], cause[64];
	struct http_request r;

	attach_texts_make(&w->texts, &w->fleet.maker);
	walk_heading("0-d", "The service provider sends the SE CREDENTIALS to the target operator");
	size_t len = attach_write_item(&w->texts, &w->device, body);
	walk_line("POST", "%s/nausf-initial-attach/v1/contexts, %zu bytes", w->server.url, len);
	enum outcome o = exchange(
		&w->server, "POST", "/nausf-initial-attach/v1/contexts", bytes_of(body, len), &r);
	bool fine = false;

	if (o != FINE) {
		walk_failed("0-d", outcome_name(o));
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

	walk_heading("3", "The UE is switched on and sends an Attach Request with the dIMSI");
	walk_heading("4", "By the dIMSI's PLMN the access network asks the D-AUSF");
	snprintf(path, sizeof(path), "/ndausf-auth/v1/%s/security-information/generate-auth-data",
		w->dimsi);
	attach_serving_network(plmn, body, sizeof(body));
	walk_line("POST", "%s", path);
	enum outcome o = exchange(&w->server, "POST", path, bytes_of_text(body), &r);
	bool fine = o == FINE && r.status == 200 && vectors_read_answer(r.answer, w->rand, w->autn);

	http_request_clear(&r);
	if (!fine)
		return walk_failed("5", "the D-AUSF has no vectors");
	walk_heading("5", "The D-AUSF returns the authentication vector");
	walk_hex("RAND", BYTES(w->rand));
	walk_hex("AUTN", BYTES(w->autn));
	return true;
}

static bool attach(struct walk *w)
{
	uint64_t imsi = 0;

	walk_heading("6", "The access network sends them to the UE in an Authentication Request");
	walk_line("AMF bit", "%s", (w->autn[6] & 0x80) != 0 ? "set" : "NOT set");
	walk_heading(
		"7", "The SE checks AUTN by eKi, opens RAND by eKc, checks CTV, takes the IMSI");
	if (se_read_imsi(&w->device.keys, w->rand, w->autn, &imsi) != FINE)
		return walk_failed("7", "RAND and AUTN are not from a network that has eK");
	walk_line("AUTN", "right");
	walk_line("CTV", "right");
	walk_line("IMSI", "%015" PRIu64 ", %s", imsi,
		imsi == w->answer.imsi ? "the one allocated in step 1" : "ANOTHER than in step 1");
	return imsi == w->answer.imsi;
}

bool walk_initial_attach(struct walk *w)
{
	const struct walk_options *o = w->options;

	if (!ask_arpf(w) || !give_dimsi(w) || !show_element(w))
		return false;
	if (!o->no_trust)
		offer_trust_anchor(&w->server, w->procedure->fleet->trust,
			authority_certificate(&w->fleet.maker.ci),
			o->fleet != NULL ? "DIR/ci.pem" : "its CERT.CI");
	return provision(w) && ask_vectors(w) && attach(w);
}

/* By SK.SE.ECDSA; the profile keeps the SUPI and brings a K of its own, and eK has done its work. */
static bool download_profile(struct walk *w, const char *supi)
{
	const struct fleet_record *d = &w->device;
	struct credential c = { .key = d->signing_key,
		.chain = {
			bytes_of(d->certificate, d->certificate_len), w->texts.parts[d->part] } };
	struct downloaded got;
	struct usim usim;
	struct usim_answer answer;

	walk_heading("11", "The UE downloads its profile from the subscription manager");
	bool fine = walk_download(w, "11", &c, supi, NULL, &got);

	if (fine) {
		walk_heading("then", "It authenticates with the profile's K; eK is retired");
		usim_make(&usim, got.profile.k, got.profile.opc);
		fine = walk_authenticate(w, "then", supi, got.profile.imsi, &usim, &answer) &&
		       walk_save_profile(w, &got.profile);
		wipe(&usim, sizeof(usim));
		wipe(&answer, sizeof(answer));
		wipe(&got, sizeof(got));
	}
	return fine;
}

bool walk_first_auth(struct walk *w)
{
	struct usim usim;
	struct usim_answer answer;
	char supi[SUPI_MAX + 1];

	if (!walk_initial_attach(w))
		return false;
	usim_make(&usim, w->device.keys.eka, w->device.keys.eopc);
	snprintf(supi, sizeof(supi), "imsi-%015" PRIu64, w->answer.imsi);
	walk_heading("8", "The UE attaches once more, now with the IMSI");
	walk_heading("9", "By the IMSI the serving network asks the target operator");
	bool fine = walk_authenticate(w, "10", supi, w->answer.imsi, &usim, &answer);

	if (fine)
		walk_heading("10", "UE and Target AUSF have authenticated each other by eK");
	if (fine && w->options->download)
		fine = download_profile(w, supi);
	wipe(&usim, sizeof(usim));
	wipe(&answer, sizeof(answer));
	return fine;
}
