#include "base/secret.h"
#include "loadtest/certificate_server.h"
#include "loadtest/companions.h"
#include "loadtest/maker_files.h"
#include "loadtest/procedures.h"
#include "loadtest/run_procedures.h"
#include "loadtest/signers.h"

/* The chain of a device as its manufacturer's site serves it: leaf, CERT.PN, root. */
static bool find_chain(void *context, struct bytes device_id, struct buffer *pem)
{
	const struct run *run = context;
	const struct fleet *f = run->fleet;
	uint64_t i;

	if (!fleet_device_of(&f->header, device_id, &i) || i >= f->count)
		return false;
	const struct fleet_record *r = fleet_at(f, i);

	pem_put_certificate(pem, bytes_of(r->headless.certificate, r->certificate_len));
	pem_put_certificate(pem, authority_certificate(&f->maker.parts[r->part]));
	pem_put_certificate(pem, authority_certificate(&f->maker.ci));
	return true;
}

bool headless_begin(struct run *run)
{
	const struct run_options *o = run->options;
	struct af_id af = companions_af_id(o->af_fqdn);

	if (fetch_certificate_checker(&run->server, &run->checker) != FINE)
		return false;
	run_offer_anchor(run);
	run_bring_subscribers(run);
	run->companions = companions_open(&run->server, &run->fleet->header, &af);
	run->certificates = run->companions == NULL
				    ? NULL
				    : certificate_server_new(run->server.loop,
					      (uint16_t)o->certificate_port, find_chain, run);
	return run->certificates != NULL;
}

/* Steps 1 and 2: the device's URL, read by its companion. */
bool addition_write(struct run *run, struct flight *f)
{
	const struct fleet_record *r = run_record(run, f);
	struct headless_state *s = f->state;
	uint64_t companion = fleet_companion_of(&run->fleet->header, run_device(run, f));
	size_t len;

	memcpy(s->device.device_id, r->id, sizeof(r->id));
	memcpy(s->device.manufacturer, FLEET_MANUFACTURER, sizeof(FLEET_MANUFACTURER));
	memcpy(s->device.model, FLEET_MODEL, sizeof(FLEET_MODEL));
	memcpy(s->device.key, r->headless.key, sizeof(s->device.key));
	if (!certificate_server_url(run->certificates, r->id, s->url, sizeof(s->url)) ||
		addition_write_request(&run->companions[companion], s->url, f->body, &len) != FINE)
		return run_wrong(run, WRONG_FORM);
	return run_post(run, f, len, ADDITION_PATH);
}

/* Steps 9 and 10: the device opens K', both sides have the same K''. */
static bool open_profile(struct run *run, const struct flight *f, const struct device_profile *p)
{
	const struct headless_state *s = f->state;
	const struct companion_ue *c =
		&run->companions[fleet_companion_of(&run->fleet->header, run_device(run, f))];
	uint8_t kprime[KPRIME_LEN], of_device[32], of_companion[32];
	bool same =
		headless_device_open_kprime(&s->device, &p->kprime, kprime) == FINE &&
		headless_device_kdoubleprime(&s->device, kprime, s->answer.n2, of_device) == FINE &&
		companion_open_kdoubleprime(c, s->answer.iv, BYTES(s->answer.sealed),
			s->device.device_id, p->supi, of_companion) == FINE &&
		equal_in_constant_time(of_device, of_companion, sizeof(of_device));

	wipe(kprime, sizeof(kprime));
	wipe(of_device, sizeof(of_device));
	wipe(of_companion, sizeof(of_companion));
	return same;
}

bool addition_judge(struct run *run, struct flight *f)
{
	struct headless_state *s = f->state;
	uint64_t device = run_device(run, f);
	struct device_profile p;

	if (!addition_read_answer(f->request.answer, &s->answer))
		return run_wrong(run, WRONG_FORM);
	struct bytes profile = bytes_of(s->answer.profile, s->answer.profile_len);

	if (!profile_read(profile, &p))
		return run_wrong(run, WRONG_FORM);
	if (!profile_is_for(&p, &s->device))
		return run_wrong(run, WRONG_DEVICE);
	if (!tally_acknowledge(&run->tally, device, p.imsi, f->request.status == 201))
		return false;
	if (run_verifies(run, device)) {
		if (headless_device_check_profile(run->checker, &s->answer.signature, profile) !=
			FINE)
			return run_wrong(run, WRONG_SIGNATURE);
		if (!open_profile(run, f, &p))
			return run_wrong(run, WRONG_PROFILE);
		run->tally.verified++;
	}
	run->tally.completed++;
	return true;
}
