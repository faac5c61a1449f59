#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/secret.h"
#include "loadtest/credential_attach.h"
#include "loadtest/fleet_create.h"
#include "loadtest/procedures.h"
#include "loadtest/walk_download.h"

/* Solution 12.X, with what has come of its steps. */
struct euicc_walk {
	struct walk *walk;
	struct handshake attach;
	char session_path[sizeof(PDU_SESSION_PATH) + 1 + HANDSHAKE_ID_LEN];
};

static bool have_device(struct walk *w)
{
	const struct walk_options *o = w->options;
	struct fleet_making making = { &w->fleet, NULL, NULL };

	if (o->fleet == NULL)
		return fleet_describe(
			       &w->fleet, w->procedure->fleet, o->plmn, FLEET_RANDOM_FIRST, 1, 1) &&
		       fleet_make_euicc(&making, 0, &w->device) == FINE;
	if (!fleet_open(&w->fleet, o->fleet) || o->device >= w->fleet.count)
		return false;
	w->device = *fleet_at(&w->fleet, o->device);
	return true;
}

static bool prepare(struct walk *w)
{
	walk_heading("before", "The UE is preconfigured with a device credential: its eUICC's");
	if (!have_device(w))
		return walk_failed("before", "no such device, or it could not be made");
	walk_line("EID", "%s", w->device.euicc.eid);
	walk_line("certificate", "%zu bytes, signed by %s", w->device.euicc.certificate_len,
		w->fleet.maker.parts[w->device.part].name);
	if (!w->options->no_trust)
		offer_trust_anchor(&w->server, w->procedure->fleet->trust,
			authority_certificate(&w->fleet.maker.ci),
			w->options->fleet != NULL ? "DIR/ci.pem" : "its CI");
	attach_texts_make(&w->texts, &w->fleet.maker);
	return true;
}

static struct credential credential_of(const struct walk *w)
{
	const struct euicc *e = &w->device.euicc;

	return (struct credential){ .key = e->key,
		.chain = { bytes_of(e->certificate, e->certificate_len),
			w->texts.parts[w->device.part] } };
}

static bool request(struct euicc_walk *e)
{
	char body[CREDENTIAL_ATTACH_BODY_MAX];
	struct walk *w = e->walk;
	struct http_request r;

	walk_heading("1", "The UE sends an attach request of the new type, by its EID");
	if (handshake_begin(&e->attach, HANDSHAKE_ATTACH, w->device.euicc.eid) != FINE)
		return walk_failed("1", "no random numbers");
	walk_hex("ueNonce", BYTES(e->attach.device_nonce));
	size_t len = credential_attach_write_request(&e->attach, body);
	bool fine = walk_post(w, CREDENTIAL_ATTACH_PATH, bytes_of(body, len), &r);

	if (fine) {
		walk_heading("2", "CP function and UE authenticate each other by certificates");
		fine = walk_take_offer(w, "2", &r, "attachId", &e->attach);
	}
	http_request_clear(&r);
	return fine;
}

static bool show_accept(struct euicc_walk *e, const struct credential_accept *a)
{
	walk_heading("3", "The UE attaches: the accept is under the key that both have now");
	if (euicc_check_accept(&e->attach, &a->accept) != FINE)
		return walk_failed("3", "the accept's MAC is wrong");
	walk_fingerprint("Ks", bytes_of(e->attach.keys, 32));
	walk_line("MAC", "right");
	walk_heading("4", "The CP function establishes a PDU session for the download alone");
	walk_line("session", "%s", a->accept.session_id);
	walk_line("DNN", "%.*s", (int)a->accept.dnn.len, (const char *)a->accept.dnn.at);
	walk_line(
		"destinations", "%.*s", (int)a->destinations.len, (const char *)a->destinations.at);
	walk_line("ends in", "%lld s", (long long)a->accept.expires_at - clock_unix());
	walk_line("server", "%.*s", (int)a->accept.provisioning_server.len,
		(const char *)a->accept.provisioning_server.at);
	snprintf(e->session_path, sizeof(e->session_path), PDU_SESSION_PATH "/%s",
		a->accept.session_id);
	return true;
}

static bool authenticate(struct euicc_walk *e)
{
	char path[128], body[OFFER_REPLY_MAX];
	struct credential c = credential_of(e->walk);
	struct credential_accept a;
	struct http_request r;
	size_t len;

	if (!walk_write_reply(&c, "2", &e->attach, body, &len))
		return false;
	snprintf(path, sizeof(path), CREDENTIAL_ATTACH_PATH "/%s/authentication", e->attach.id);
	bool fine = walk_post(e->walk, path, bytes_of(body, len), &r);

	if (fine)
		fine = credential_attach_read_answer(r.answer, &a)
			       ? show_accept(e, &a)
			       : walk_failed("3", "not an answer of 9.2");
	http_request_clear(&r);
	return fine;
}

/* As the access network reads what it is to let through. */
static bool look_at_session(struct euicc_walk *e, const char *step, bool is_live)
{
	struct http_request r;
	char cause[64] = "";
	enum outcome o = exchange(&e->walk->server, "GET", e->session_path, bytes_of(NULL, 0), &r);
	int status = o == FINE ? r.status : 0;

	if (status / 100 != 2)
		problem_cause(r.answer, cause, sizeof(cause));
	walk_line("GET", "%s", e->session_path);
	walk_line("answer", "%d%s%s: the access network lets %s through", status,
		cause[0] != '\0' ? " " : "", cause, is_live ? "these destinations" : "nothing");
	http_request_clear(&r);
	return (is_live ? status == 200 : status == 404 || status == 410) ||
	       walk_failed(step, "the session is not what it should be");
}

static bool attach(struct euicc_walk *e)
{
	return prepare(e->walk) && request(e) && authenticate(e) && look_at_session(e, "4", true);
}

bool walk_device_attach(struct walk *w)
{
	struct euicc_walk e = { .walk = w };
	struct http_request r;
	bool fine = attach(&e);

	if (fine) {
		walk_heading("6", "The UE detaches");
		walk_line("DELETE", "%s", e.session_path);
		fine = exchange_expects(
			&w->server, "DELETE", e.session_path, bytes_of(NULL, 0), &r);
		http_request_clear(&r);
	}
	fine = fine && look_at_session(&e, "6", false);
	wipe(&e, sizeof(e));
	return fine;
}

/* Step 7. */
static bool attach_normally(struct walk *w, const struct installed_profile *p)
{
	struct usim usim;
	struct usim_answer answer;

	walk_heading("7", "It attaches as a normal UE, with what it has downloaded: 5G AKA");
	usim_make(&usim, p->k, p->opc);
	bool fine = walk_authenticate(w, "7", p->supi, p->imsi, &usim, &answer);

	wipe(&usim, sizeof(usim));
	wipe(&answer, sizeof(answer));
	return fine;
}

bool walk_profile_download(struct walk *w)
{
	struct euicc_walk e = { .walk = w };
	struct downloaded d;
	bool fine = attach(&e);

	if (fine) {
		struct credential c = credential_of(w);

		walk_heading("5", "The UE connects to the provisioning server and downloads");
		fine = walk_download(w, "5", &c, w->device.euicc.eid, e.attach.id, &d);
	}
	if (fine) {
		walk_heading("6", "The UE has detached: its notification ended the session");
		fine = look_at_session(&e, "6", false) && attach_normally(w, &d.profile) &&
		       walk_save_profile(w, &d.profile);
		wipe(&d, sizeof(d));
	}
	wipe(&e, sizeof(e));
	return fine;
}
