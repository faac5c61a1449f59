#include <stdlib.h>

#include "loadtest/run_procedures.h"

#define SQN_AHEAD (UINT64_C(1) << 30) /* within delta, so that the answer to AUTS is taken */

bool aka_step_write(struct run *run, struct flight *f, uint64_t imsi)
{
	char digits[IMSI_DIGITS + 1];
	size_t len = aka_write_request(run->serving_network, f->body);

	imsi_write(imsi, digits);
	return run_post(run, f, len, "/nudm-ueau/v1/imsi-%s/" AKA_GENERATE, digits);
}

static bool is_supi_of(struct bytes supi, uint64_t imsi)
{
	uint64_t read;

	return imsi_read_supi((const char *)supi.at, supi.len, &read) && read == imsi;
}

static bool read_answer(struct run *run, struct flight *f, uint64_t imsi, struct home_av *av)
{
	struct bytes supi;

	if (!aka_read_answer(f->request.answer, av, &supi))
		return run_wrong(run, WRONG_FORM);
	return is_supi_of(supi, imsi) || run_wrong(run, WRONG_DEVICE);
}

/* What the USIM and the ME say: MAC-A, SQN, RES*, K_AUSF. */
static bool judge_vector(struct run *run, enum outcome o)
{
	if (o == CONFLICT)
		return run_wrong(run, WRONG_SQN);
	if (o != FINE)
		return run_wrong(run, WRONG_AKA);
	run->tally.verified++;
	return true;
}

bool aka_step_judge(struct run *run, struct flight *f, uint64_t imsi, struct usim *usim)
{
	struct home_av av;
	struct usim_answer answer;

	if (!read_answer(run, f, imsi, &av))
		return false;
	return !run_verifies(run, run_device(run, f)) ||
	       judge_vector(
		       run, usim_check_av(usim, &av, bytes_of_text(run->serving_network), &answer));
}

static uint64_t imsi_of(const struct run *run, const struct flight *f)
{
	return run->tally.imsis[run_device(run, f) - run->first];
}

bool first_auth_write(struct run *run, struct flight *f)
{
	const struct ek_keys *keys = &run_record(run, f)->keys;

	usim_make(f->state, keys->eka, keys->eopc);
	return aka_step_write(run, f, imsi_of(run, f));
}

bool first_auth_judge(struct run *run, struct flight *f)
{
	return aka_step_judge(run, f, imsi_of(run, f), f->state);
}

bool first_auth_event_write(struct run *run, struct flight *f)
{
	char digits[IMSI_DIGITS + 1];
	size_t len = aka_write_event(run->serving_network, true, f->body);

	imsi_write(imsi_of(run, f), digits);
	return run_post(run, f, len, "/nudm-ueau/v1/imsi-%s/" AKA_EVENTS, digits);
}

bool first_auth_event_judge(struct run *run, struct flight *f)
{
	(void)f;
	run->tally.completed++;
	return true;
}

static bool is_put_ahead(const struct run *run, uint64_t device)
{
	uint64_t percent = run->options->resync;

	return (device + 1) * percent / 100 != device * percent / 100;
}

bool auth_data_begin(struct run *run)
{
	run_bring_subscribers(run);
	run->usims = calloc((size_t)run->tally.devices, sizeof(*run->usims));
	for (uint64_t i = 0; run->usims != NULL && i < run->tally.devices; i++) {
		const struct fleet_record *r = fleet_at(run->fleet, run->first + i);

		usim_make(&run->usims[i], r->subscriber.k, r->subscriber.opc);
		if (is_put_ahead(run, run->first + i))
			usim_set_sqn(&run->usims[i], SQN_AHEAD);
	}
	return run->usims != NULL;
}

static struct usim *usim_of(struct run *run, const struct flight *f)
{
	return &run->usims[run_device(run, f) - run->first];
}

bool auth_data_write(struct run *run, struct flight *f)
{
	return aka_step_write(run, f, run_record(run, f)->imsi);
}

bool auth_data_judge(struct run *run, struct flight *f)
{
	struct resync_state *s = f->state;
	uint64_t device = run_device(run, f);
	struct home_av av;
	struct usim_answer answer;
	enum outcome o = FINE;

	if (!read_answer(run, f, fleet_at(run->fleet, device)->imsi, &av))
		return false;
	/* One that is ahead must say so, whether it is among those verified or not. */
	bool verifies = run_verifies(run, device) || is_put_ahead(run, device);

	if (verifies)
		o = usim_check_av(
			usim_of(run, f), &av, bytes_of_text(run->serving_network), &answer);
	if (o == CONFLICT && is_put_ahead(run, device)) {
		memcpy(s->rand, av.rand, sizeof(s->rand));
		memcpy(s->auts, answer.auts, sizeof(s->auts));
		return true;
	}
	if (!verifies || judge_vector(run, o))
		run->tally.completed++;
	return false;
}

bool resync_write(struct run *run, struct flight *f)
{
	const struct resync_state *s = f->state;
	char digits[IMSI_DIGITS + 1];
	size_t len = aka_write_resynchronization(run->serving_network, s->rand, s->auts, f->body);

	imsi_write(run_record(run, f)->imsi, digits);
	return run_post(run, f, len, "/nudm-ueau/v1/imsi-%s/" AKA_GENERATE, digits);
}

bool resync_judge(struct run *run, struct flight *f)
{
	if (!aka_step_judge(run, f, run_record(run, f)->imsi, usim_of(run, f)))
		return false;
	run->tally.completed++;
	return true;
}
