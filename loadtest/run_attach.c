#include <stdio.h>
#include <stdlib.h>

#include "loadtest/procedures.h"
#include "loadtest/run_procedures.h"
#include "loadtest/signers.h"
#include "loadtest/subscribers_import.h"

void run_offer_anchor(struct run *run)
{
	char ci_file[URL_MAX];

	if (!run->options->no_trust && path_in(run->folder, "ci.pem", ci_file, sizeof(ci_file)))
		offer_trust_anchor(&run->server, run->procedure->fleet->trust,
			authority_certificate(&run->fleet->maker.ci), ci_file);
}

void run_bring_subscribers(struct run *run)
{
	if (!run->options->no_trust)
		subscribers_import(run->server.url, run->folder);
}

/* Those that were bound; where only the opening of RAND and AUTN is left, those that are verified. */
static bool choose(struct run *run)
{
	const struct tally *t = &run->tally;
	bool all = run->procedure->step_count > 1;

	run->chosen = calloc((size_t)t->devices, sizeof(*run->chosen));
	if (run->chosen == NULL)
		return false;
	for (uint64_t i = 0; i < t->devices; i++)
		if (t->imsis[i] != 0 && (all || run_verifies(run, run->first + i)))
			run->chosen[run->chosen_count++] = (uint32_t)(run->first + i);
	return true;
}

bool attach_begin(struct run *run)
{
	/* Step 0-a once more: whose endorsements these will be. */
	if (fetch_certificate_checker(&run->server, &run->checker) != FINE)
		return false;
	run_offer_anchor(run);
	attach_texts_make(&run->texts, &run->fleet->maker);
	attach_serving_network(
		run->fleet->header.plmn, run->vectors_body, sizeof(run->vectors_body));
	if (run->is_mixed || (run_provisioning(run) == FINE && choose(run)))
		return true;
	fprintf(stderr, "arpfload: no memory, or --acknowledged could not be written\n");
	return false;
}

bool vectors_write(struct run *run, struct flight *f)
{
	char dimsi[IMSI_DIGITS + 1];
	size_t len = strlen(run->vectors_body);

	imsi_write(run_record(run, f)->imsi, dimsi);
	memcpy(f->body, run->vectors_body, len);
	return run_post(
		run, f, len, "/ndausf-auth/v1/%s/security-information/generate-auth-data", dimsi);
}

/* Step 7, and that the IMSI inside is the one that the service provider was told. */
bool vectors_judge(struct run *run, struct flight *f)
{
	const struct fleet_record *r = run_record(run, f);
	uint8_t rand[16], autn[16];
	uint64_t imsi;

	if (!vectors_read_answer(f->request.answer, rand, autn))
		return run_wrong(run, WRONG_FORM);
	if (se_read_imsi(&r->keys, rand, autn, &imsi) != FINE)
		return run_wrong(run, WRONG_VECTORS);
	if (imsi != run->tally.imsis[run_device(run, f) - run->first])
		return run_wrong(run, WRONG_INNER_IMSI);
	run->tally.verified++;
	return true;
}
