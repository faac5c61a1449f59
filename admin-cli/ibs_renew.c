/* Identities that end soon get their successors, the next period of the same name. */
#include <stdlib.h>
#include <string.h>

#include "admin-cli/commands.h"
#include "admin-cli/ibs.h"
#include "base/clock.h"

#define DAY_S       86400
#define WITHIN_DAYS 7
#define MOST_DAYS   366

struct renewal {
	struct cli *cli;
	int64_t until;  /* identities that end by then get a successor */
	json_t *issued; /* what was done */
};

static bool have_same_name(const struct db_ibs_identity *a, const struct db_ibs_identity *b)
{
	const char *names[2];
	struct ibs_period p;

	return ibs_read_period(a->id, &p, &names[0]) == IBS_HAS_PERIOD &&
	       ibs_read_period(b->id, &p, &names[1]) == IBS_HAS_PERIOD &&
	       strcmp(names[0], names[1]) == 0;
}

static bool is_latest_of_its_name(const struct ibs_identities *all, size_t i)
{
	const struct db_ibs_identity *one = &all->at[i];

	for (size_t j = 0; j < all->count; j++) {
		const struct db_ibs_identity *other = &all->at[j];

		if (j != i && have_same_name(one, other) &&
			(other->not_after > one->not_after ||
				(other->not_after == one->not_after && j > i)))
			return false;
	}
	return true;
}

/* One successor after the other until the last ends late enough; a gap is not filled. */
static enum cli_end renew_name(struct renewal *r, const struct db_ibs_identity *latest)
{
	struct ibs_period period;
	const char *name;
	enum cli_end end = CLI_DONE;

	if (ibs_read_period(latest->id, &period, &name) != IBS_HAS_PERIOD)
		return CLI_DONE;
	while (end == CLI_DONE && period.not_after <= r->until) {
		int64_t now = clock_unix();
		char id[IBS_ID_MAX + 1];
		struct db_ibs_identity identity;
		bool is_new;

		if (!ibs_period_at(period.kind, period.not_after > now ? period.not_after : now,
			    &period) ||
			!ibs_write_id(&period, name, id))
			return cli_refuse_outcome(BROKEN, "there is no next period");
		end = ibs_issue(r->cli, id, &period, &identity, &is_new);
		json_t *json = end == CLI_DONE && is_new ? ibs_identity_to_json(&identity) : NULL;
		if (json != NULL && !r->cli->json)
			ibs_print_identity("issued", json);
		if (json != NULL)
			json_array_append_new(r->issued, json);
	}
	return end;
}

static bool read_days(const char *text, int64_t *days)
{
	char *rest;

	*days = WITHIN_DAYS;
	if (text == NULL)
		return true;
	*days = strtol(text, &rest, 10);
	return rest != text && *rest == '\0' && *days >= 0 && *days <= MOST_DAYS;
}

enum cli_end command_ibs_renew(struct cli *cli)
{
	struct renewal r = { .cli = cli };
	struct ibs_identities all;
	int64_t days;

	if (!read_days(cli_option(cli, "within"), &days))
		return cli_misuse("--within is a number of days from 0 to %d", MOST_DAYS);
	r.until = clock_unix() + days * DAY_S;
	enum cli_end end = ibs_read_identities(cli, &all);
	if (end != CLI_DONE)
		return end;
	r.issued = json_array();
	for (size_t i = 0; i < all.count && end == CLI_DONE; i++)
		if (is_latest_of_its_name(&all, i))
			end = renew_name(&r, &all.at[i]);
	free(all.at);
	if (end == CLI_DONE && cli->json)
		return cli_answer_json(json_pack("{s:o}", "issued", r.issued));
	if (end == CLI_DONE && json_array_size(r.issued) == 0)
		puts("nothing to renew");
	json_decref(r.issued);
	return end;
}
