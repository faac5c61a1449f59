#include <inttypes.h>
#include <stdio.h>

#include "base/secret.h"
#include "loadtest/companions.h"
#include "loadtest/procedures.h"
#include "loadtest/walk_parts.h"

#define KEY_FILE_MAX 256

static bool is_of(struct bytes supi, uint64_t imsi)
{
	uint64_t read;

	return imsi_read_supi((const char *)supi.at, supi.len, &read) && read == imsi;
}

/* What the ME and the USIM find in the vector. */
static bool check_vector(struct walk *w, const char *step, const struct home_av *av,
	struct usim *usim, struct usim_answer *out)
{
	walk_hex("RAND", BYTES(av->rand));
	walk_hex("AUTN", BYTES(av->autn));
	enum outcome o = usim_check_av(usim, av, bytes_of_text(w->serving_network), out);

	if (o != FINE)
		return walk_failed(step, o == CONFLICT ? "the USIM does not take SQN"
						       : "the USIM does not accept the vector");
	walk_line("AUTN", "accepted by the USIM: MAC-A right, SQN %" PRIu64, out->sqn);
	walk_hex("RES*", BYTES(out->res_star));
	walk_hex("XRES*", BYTES(av->xres_star));
	walk_fingerprint("K_AUSF", BYTES(out->kausf));
	walk_line("", "the same on both sides");
	return true;
}

static bool ask(struct walk *w, const char *step, const char *identity, uint64_t imsi,
	struct usim *usim, struct usim_answer *out)
{
	char path[AKA_PATH_MAX], body[AKA_BODY_MAX];
	struct http_request r;
	struct home_av av;
	struct bytes supi;
	size_t len = aka_write_request(w->serving_network, body);

	if (!aka_path(identity, AKA_GENERATE, path))
		return walk_failed(step, "an identity too long");
	bool fine = walk_post(w, path, bytes_of(body, len), &r);

	if (fine && (!aka_read_answer(r.answer, &av, &supi) || !is_of(supi, imsi)))
		fine = walk_failed(step, "not the answer for this subscriber");
	fine = fine && check_vector(w, step, &av, usim, out);
	http_request_clear(&r);
	wipe(&av, sizeof(av));
	return fine;
}

bool walk_authenticate(struct walk *w, const char *step, const char *identity, uint64_t imsi,
	struct usim *usim, struct usim_answer *out)
{
	char path[AKA_PATH_MAX], body[AKA_BODY_MAX], supi[SUPI_MAX + 1];
	struct http_request r;

	if (!ask(w, step, identity, imsi, usim, out))
		return false;
	snprintf(supi, sizeof(supi), "imsi-%015" PRIu64, imsi);
	if (!aka_path(supi, AKA_EVENTS, path))
		return walk_failed(step, "an identity too long");
	size_t len = aka_write_event(w->serving_network, true, body);
	bool fine = walk_post(w, path, bytes_of(body, len), &r);

	http_request_clear(&r);
	return fine;
}

/* 32 hex digits, as arpfctl subscriber add takes them. */
static bool read_key_file(const char *file, uint8_t key[16])
{
	char text[KEY_FILE_MAX];
	FILE *in = fopen(file, "re");
	size_t len = in != NULL ? fread(text, 1, sizeof(text), in) : 0;

	if (in != NULL)
		fclose(in);
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	bool fine = hex_read(text, len, key, 16);

	wipe(text, sizeof(text));
	if (!fine)
		fprintf(stderr, "arpfload: %s: not 32 hex digits\n", file);
	return fine;
}

/* The subscriber of the options, with its keys. */
static bool read_companion(struct walk *w)
{
	const struct walk_options *o = w->options;
	const char *plmn_text = o->plmn != NULL ? o->plmn : w->procedure->fleet->plmn;
	struct plmn plmn;
	uint64_t imsi;
	uint8_t k[16], opc[16];

	if (!imsi_read_supi(o->companion_supi, strlen(o->companion_supi), &imsi) ||
		!plmn_read(plmn_text, strlen(plmn_text), &plmn) || !plmn_has_imsi(plmn, imsi)) {
		fprintf(stderr, "arpfload: %s: not imsi-... of PLMN %s\n", o->companion_supi,
			plmn_text);
		return false;
	}
	bool fine = read_key_file(o->k_file, k) && read_key_file(o->opc_file, opc);

	if (fine)
		companion_make(&w->companion, plmn, imsi, k, opc);
	wipe(k, sizeof(k));
	wipe(opc, sizeof(opc));
	return fine;
}

bool walk_open_companion(struct walk *w)
{
	struct companion_ue *c = &w->companion;
	struct af_id af = companions_af_id(w->options->af_fqdn);
	struct usim_answer answer;

	if (!read_companion(w))
		return false;
	walk_heading("before", "Companion UE and network authenticate each other by 5G AKA");
	walk_line("SUPI", "%s", w->options->companion_supi);
	bool fine = walk_authenticate(
		w, "before", w->options->companion_supi, c->imsi, &c->usim, &answer);

	if (fine && companion_open_session(c, answer.kausf, &af) != FINE)
		fine = walk_failed("before", "no session key");
	wipe(&answer, sizeof(answer));
	if (!fine)
		return false;
	walk_heading("before", "The session key K: K_AF of K_AKMA, which the AUSF registers");
	walk_line("A-KID", "%s", c->a_kid);
	walk_line("AF_ID", "%s, 0100000000", af.fqdn);
	walk_line("POST", "/naanf-akma/v1/register-anchorkey");
	walk_fingerprint("K_AKMA", BYTES(c->k_akma));
	walk_fingerprint("K", BYTES(c->k));
	return companion_register(&w->server, c);
}

/* As a life cycle's state says it must. */
static bool is_refused(struct walk *w, const char *cause)
{
	const struct walk_options *o = w->options;
	char path[AKA_PATH_MAX], body[AKA_BODY_MAX], said[64] = "";
	struct http_request r;
	size_t len = aka_write_request(w->serving_network, body);

	if (!aka_path(o->companion_supi, AKA_GENERATE, path))
		return walk_failed("5", "an identity too long");
	walk_line("POST", "%s, %zu bytes", path, len);
	enum outcome outcome = exchange(&w->server, "POST", path, bytes_of(body, len), &r);

	if (outcome == FINE)
		problem_cause(r.answer, said, sizeof(said));
	walk_line("answer", "%d %s", outcome == FINE ? r.status : 0, said);
	http_request_clear(&r);
	return strcmp(said, cause) == 0 || walk_failed("5", "not refused as it must be");
}

bool walk_auth_data(struct walk *w)
{
	const struct walk_options *o = w->options;
	struct usim_answer answer;

	if (!read_companion(w))
		return false;
	walk_heading("5", "The serving network asks for the subscriber's authentication data");
	if (o->expect != NULL)
		return is_refused(w, o->expect);
	bool fine = walk_authenticate(
		w, "5", o->companion_supi, w->companion.imsi, &w->companion.usim, &answer);

	wipe(&answer, sizeof(answer));
	return fine;
}
