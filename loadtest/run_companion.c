#include "loadtest/companions.h"
#include "loadtest/credential_request.h"
#include "loadtest/procedures.h"
#include "loadtest/run_procedures.h"
#include "loadtest/signers.h"

bool companion_begin(struct run *run)
{
	struct ibs_parameters ibs;
	struct af_id af = companions_af_id(run->options->af_fqdn);

	if (fetch_ibs_checker(&run->server, &ibs, &run->checker) != FINE)
		return false;
	run->companions = companions_open(&run->server, &run->fleet->header, &af);
	return run->companions != NULL;
}

/* Steps 1 to 3: what the fleet's maker has made in advance, sent by the device's companion. */
bool credential_write(struct run *run, struct flight *f)
{
	const struct fleet_record *r = run_record(run, f);
	const struct fleet_header *h = &run->fleet->header;
	struct companion_state *s = f->state;
	struct dh_device *d = &s->device;
	size_t len;

	memcpy(d->device_id, r->id, sizeof(r->id));
	d->group = (enum dh_group)h->group;
	memcpy(d->secret, r->dh.secret, sizeof(d->secret));
	memcpy(d->a, r->dh.a, sizeof(d->a));
	uint64_t companion = fleet_companion_of(h, run_device(run, f));

	if (credential_write_request(&run->companions[companion], d, f->body, &len) != FINE)
		return run_wrong(run, WRONG_FORM);
	return run_post(run, f, len, CREDENTIAL_PATH);
}

/* Steps 6 to 8. */
bool credential_judge(struct run *run, struct flight *f)
{
	struct companion_state *s = f->state;

	s->created = f->request.status == 201;
	if (!credential_read_answer(f->request.answer, s->device.group, &s->answer))
		return run_wrong(run, WRONG_FORM);
	if (run_verifies(run, run_device(run, f)) &&
		dh_device_verify_answer(&s->device, run->checker, &s->answer) != FINE)
		return run_wrong(run, WRONG_SIGNATURE);
	if (dh_device_agree(&s->device, &s->answer) != FINE)
		return run_wrong(run, WRONG_AGREEMENT);
	if (!run->options->no_confirmation)
		return true;
	run->tally.completed++;
	run->tally.verified += run_verifies(run, run_device(run, f));
	return false;
}

/* Step 9. */
bool confirmation_write(struct run *run, struct flight *f)
{
	const struct companion_state *s = f->state;
	char access_id[2 * ACCESS_ID_LEN + 1];
	size_t len;

	if (confirmation_write_request(&s->device, f->body, &len) != FINE)
		return run_wrong(run, WRONG_FORM);
	hex_write(BYTES(s->device.access_id), access_id);
	return run_post(run, f, len, CREDENTIAL_PATH "/%s/confirmation", access_id);
}

/* Step 12. */
bool confirmation_judge(struct run *run, struct flight *f)
{
	const struct companion_state *s = f->state;
	uint64_t device = run_device(run, f);
	struct confirmation_answer a;

	if (!confirmation_read_answer(f->request.answer, &a))
		return run_wrong(run, WRONG_FORM);
	if (dh_device_check_mac3(&s->device, a.supi, a.mac3) != FINE)
		return run_wrong(run, WRONG_AGREEMENT);
	if (!tally_acknowledge(&run->tally, device, a.imsi, s->created))
		return false;
	run->tally.completed++;
	run->tally.verified += run_verifies(run, device);
	return true;
}
