#include "base/clock.h"
#include "base/secret.h"
#include "loadtest/credential_attach.h"
#include "loadtest/download.h"
#include "loadtest/offer.h"
#include "loadtest/procedures.h"
#include "loadtest/run_procedures.h"

bool euicc_begin(struct run *run)
{
	run_offer_anchor(run);
	attach_texts_make(&run->texts, &run->fleet->maker);
	return true;
}

static const struct euicc *euicc_of(const struct run *run, const struct flight *f)
{
	return &run_record(run, f)->euicc;
}

/* The server's certificates, nonce and signature, of the devices that are verified. */
static bool take_offer(struct run *run, struct flight *f, struct handshake *h, const char *id)
{
	struct offer_answer a;
	enum outcome o;

	if (!offer_read_answer(f->request.answer, id, &a))
		return run_wrong(run, WRONG_FORM);
	if (!run_verifies(run, run_device(run, f)))
		return handshake_take_offer(h, &a.offer) == FINE || run_wrong(run, WRONG_FORM);
	o = server_identity_see(&run->identity, a.chain.der, a.chain.count, clock_unix());
	if (o != FINE)
		return run_wrong(run, WRONG_SERVER);
	o = handshake_check_offer(h, run->identity.checker, &a.offer);
	return o == FINE || run_wrong(run, WRONG_SIGNATURE);
}

static bool write_reply(struct run *run, struct flight *f, struct handshake *h, size_t *len)
{
	const struct euicc *e = euicc_of(run, f);
	uint8_t signature[P256_SIGNATURE_LEN];

	if (handshake_answer(h, e->key, signature) != FINE)
		return run_wrong(run, WRONG_FORM);
	*len = offer_write_reply(h, signature,
		&(struct shown_chain){ bytes_of(e->certificate, e->certificate_len),
			run->texts.parts[run_record(run, f)->part] },
		f->body);
	return *len > 0 || run_wrong(run, WRONG_FORM);
}

/* 9.1: step 1 of Solution 12.X. */
bool credential_attach_write(struct run *run, struct flight *f)
{
	struct euicc_state *s = f->state;

	if (handshake_begin(&s->attach, HANDSHAKE_ATTACH, euicc_of(run, f)->eid) != FINE)
		return run_wrong(run, WRONG_FORM);
	return run_post(run, f, credential_attach_write_request(&s->attach, f->body),
		CREDENTIAL_ATTACH_PATH);
}

bool credential_attach_judge(struct run *run, struct flight *f)
{
	struct euicc_state *s = f->state;

	s->created = f->request.status == 201;
	return take_offer(run, f, &s->attach, "attachId");
}

/* 9.2: step 2. */
bool device_authentication_write(struct run *run, struct flight *f)
{
	struct euicc_state *s = f->state;
	size_t len;

	return write_reply(run, f, &s->attach, &len) &&
	       run_post(run, f, len, CREDENTIAL_ATTACH_PATH "/%s/authentication", s->attach.id);
}

/* Steps 3 and 4. Of a download this is not the end; of an attach it is, unless it detaches. */
bool device_authentication_judge(struct run *run, struct flight *f)
{
	struct euicc_state *s = f->state;
	struct credential_accept a;
	bool downloads = run->procedure->steps[2].write == download_write;

	if (!credential_attach_read_answer(f->request.answer, &a))
		return run_wrong(run, WRONG_FORM);
	if (euicc_check_accept(&s->attach, &a.accept) != FINE)
		return run_wrong(run, WRONG_ACCEPT);
	memcpy(s->session_id, a.accept.session_id, sizeof(s->session_id));
	if (downloads || run->options->detach)
		return true;
	run->tally.completed++;
	run->tally.verified += run_verifies(run, run_device(run, f));
	return false;
}

bool detach_write(struct run *run, struct flight *f)
{
	const struct euicc_state *s = f->state;

	return run_delete(run, f, PDU_SESSION_PATH "/%s", s->session_id);
}

bool detach_judge(struct run *run, struct flight *f)
{
	run->tally.completed++;
	run->tally.verified += run_verifies(run, run_device(run, f));
	return true;
}

/* 10.1: step 5. */
bool download_write(struct run *run, struct flight *f)
{
	struct euicc_state *s = f->state;

	if (handshake_begin(&s->download, HANDSHAKE_DOWNLOAD, euicc_of(run, f)->eid) != FINE)
		return run_wrong(run, WRONG_FORM);
	return run_post(
		run, f, download_write_request(&s->download, s->attach.id, f->body), DOWNLOAD_PATH);
}

bool download_judge(struct run *run, struct flight *f)
{
	struct euicc_state *s = f->state;

	s->created = f->request.status == 201;
	return take_offer(run, f, &s->download, "downloadId");
}

/* 10.2. */
bool bound_profile_write(struct run *run, struct flight *f)
{
	struct euicc_state *s = f->state;
	size_t len;

	return write_reply(run, f, &s->download, &len) &&
	       run_post(run, f, len, DOWNLOAD_PATH "/%s/bound-profile", s->download.id);
}

bool bound_profile_judge(struct run *run, struct flight *f)
{
	struct euicc_state *s = f->state;
	struct bound_profile bound;
	struct installed_profile p;
	uint8_t json[BOUND_PROFILE_MAX];

	if (!bound_profile_read_answer(f->request.answer, &bound))
		return run_wrong(run, WRONG_FORM);
	enum outcome o = bound_profile_open(&s->download, &bound, json, &p);

	if (o == FINE) {
		usim_make(&s->usim, p.k, p.opc);
		s->imsi = p.imsi;
	}
	wipe(json, sizeof(json));
	wipe(&p, sizeof(p));
	if (o != FINE)
		return run_wrong(run, o == MAC_INVALID ? WRONG_DOWNLOAD : WRONG_FORM);
	return tally_acknowledge(&run->tally, run_device(run, f), s->imsi, s->created);
}

/* 10.3, which detaches too: step 6. */
bool notification_write(struct run *run, struct flight *f)
{
	const struct euicc_state *s = f->state;
	size_t len;

	if (download_write_notification(&s->download, "INSTALLED", f->body, &len) != FINE)
		return run_wrong(run, WRONG_FORM);
	return run_post(run, f, len, DOWNLOAD_PATH "/%s/notification", s->download.id);
}

bool notification_judge(struct run *run, struct flight *f)
{
	if (run_verifies(run, run_device(run, f)))
		return true;
	run->tally.completed++;
	return false;
}

/* Step 7. */
bool profile_auth_write(struct run *run, struct flight *f)
{
	const struct euicc_state *s = f->state;

	return aka_step_write(run, f, s->imsi);
}

bool profile_auth_judge(struct run *run, struct flight *f)
{
	struct euicc_state *s = f->state;

	if (!aka_step_judge(run, f, s->imsi, &s->usim))
		return false;
	run->tally.completed++;
	return true;
}
