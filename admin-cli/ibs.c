/* The identities that servers sign by (RFC 6507): issued, and shown. */
#include "admin-cli/ibs.h"

#include <stdlib.h>
#include <string.h>

#include "admin-cli/commands.h"
#include "admin-cli/files.h"
#include "admin-cli/remote.h"
#include "admin-cli/show.h"
#include "base/clock.h"

#define FIRST_CAPACITY 16

static void keep_identity(void *context, const struct db_ibs_identity *identity)
{
	struct ibs_identities *all = context;

	if (all->count == all->cap) {
		size_t cap = all->cap > 0 ? 2 * all->cap : FIRST_CAPACITY;
		struct db_ibs_identity *at = reallocarray(all->at, cap, sizeof(*at));

		all->failed |= at == NULL;
		if (at == NULL)
			return;
		all->at = at;
		all->cap = cap;
	}
	all->at[all->count++] = *identity;
}

enum cli_end ibs_refuse_reading(enum outcome o)
{
	return cli_refuse_outcome(
		o, "it could not be read; is the schema there (arpfctl migrate)?");
}

enum cli_end ibs_read_identities(const struct cli *cli, struct ibs_identities *all)
{
	*all = (struct ibs_identities){ 0 };
	enum outcome o = db_each_ibs_identity(cli->settings.database, keep_identity, all);

	if (o == FINE && all->failed)
		o = NO_MEMORY;
	if (o == FINE)
		return CLI_DONE;
	free(all->at);
	return ibs_refuse_reading(o);
}

json_t *ibs_identity_to_json(const struct db_ibs_identity *identity)
{
	char from[CLOCK_TEXT_LEN], to[CLOCK_TEXT_LEN];

	clock_write(identity->not_before, from);
	clock_write(identity->not_after - 1, to);
	return json_pack("{s:s, s:s, s:s}", "id", identity->id, "notBefore", from, "notAfter", to);
}

void ibs_print_identity(const char *what, const json_t *identity)
{
	printf("%s %s, valid from %s to %s\n", what, remote_text(identity, "id"),
		remote_text(identity, "notBefore"), remote_text(identity, "notAfter"));
}

static enum cli_end tell_issued(
	const struct cli *cli, const struct db_ibs_identity *identity, bool is_new)
{
	json_t *json = ibs_identity_to_json(identity);

	if (json == NULL)
		return cli_refuse_outcome(NO_MEMORY, NULL);
	if (cli->json) {
		json_object_set_new(json, "issued", json_boolean(is_new));
		return cli_answer_json(json);
	}
	ibs_print_identity(is_new ? "issued" : "there already:", json);
	json_decref(json);
	return CLI_DONE;
}

/* The identity that a user's text means, and its period. */
static enum cli_end complete_id(
	const char *text, char id[IBS_ID_MAX + 1], struct ibs_period *period)
{
	char name[IBS_ID_MAX + 1];
	const char *rest;

	if (!ibs_id_is_text(text))
		return cli_refuse_outcome(INVALID_PARAMETER,
			"an identity is 1 to 128 bytes of printable text (UTF-8)");
	enum ibs_reading reading = ibs_read_period(text, period, &rest);
	if (reading == IBS_IS_NO_DATE)
		return cli_refuse_outcome(INVALID_PARAMETER,
			"the identity begins like a date, and there is no such day or month");
	if (reading == IBS_HAS_PERIOD) {
		snprintf(id, IBS_ID_MAX + 1, "%s", text);
		return CLI_DONE;
	}
	snprintf(name, sizeof(name), " %s", text);
	if (strlen(text) >= sizeof(name) - 1 || !ibs_period_at(IBS_MONTH, clock_unix(), period) ||
		!ibs_write_id(period, name, id))
		return cli_refuse_outcome(INVALID_PARAMETER,
			"with the month in front the identity has more than 128 bytes");
	return CLI_DONE;
}

static const struct db_ibs_identity *find_identity(const struct ibs_identities *all, const char *id)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->at[i].id, id) == 0)
			return &all->at[i];
	return NULL;
}

enum cli_end command_ibs_issue(struct cli *cli)
{
	char id[IBS_ID_MAX + 1];
	struct ibs_period period;
	struct ibs_identities all;
	struct db_ibs_identity identity;
	bool is_new = false;
	enum cli_end end = complete_id(cli_option(cli, "id"), id, &period);

	if (end == CLI_DONE)
		end = ibs_read_identities(cli, &all);
	if (end != CLI_DONE)
		return end;
	const struct db_ibs_identity *there = find_identity(&all, id);
	if (there != NULL)
		identity = *there;
	else
		end = ibs_issue(cli, id, &period, &identity, &is_new);
	free(all.at);
	return end == CLI_DONE ? tell_issued(cli, &identity, is_new) : end;
}

/* As the server chooses: of those valid now the one that began last; of equals the one issued last. */
static const struct db_ibs_identity *identity_in_use(const struct ibs_identities *all, int64_t now)
{
	const struct db_ibs_identity *used = NULL;

	for (size_t i = 0; i < all->count; i++) {
		const struct db_ibs_identity *one = &all->at[i];

		if (one->not_before <= now && now < one->not_after &&
			(used == NULL || one->not_before >= used->not_before))
			used = one;
	}
	return used;
}

static json_t *identities_to_json(const struct ibs_identities *all)
{
	const struct db_ibs_identity *used = identity_in_use(all, clock_unix());
	json_t *list = json_array();

	for (size_t i = 0; i < all->count; i++) {
		json_t *json = ibs_identity_to_json(&all->at[i]);

		json_object_set_new(json, "inUse", json_boolean(&all->at[i] == used));
		json_array_append_new(list, json);
	}
	return list;
}

static json_t *kms_to_json(const struct db_ibs_kms *kms)
{
	char created_at[CLOCK_TEXT_LEN];

	clock_write(kms->created_at, created_at);
	return json_pack("{s:o, s:s, s:i}", "kpak", json_of_bytes(BYTES(kms->kpak)), "createdAt",
		created_at, "kekGeneration", (int)kms->kek_generation);
}

enum cli_end command_ibs_show(struct cli *cli)
{
	struct ibs_identities all;
	struct db_ibs_kms kms;
	enum outcome o = db_find_ibs_kms(cli->settings.database, &kms);

	if (o != FINE && o != NO_ROW)
		return ibs_refuse_reading(o);
	enum cli_end end = ibs_read_identities(cli, &all);
	if (end != CLI_DONE)
		return end;
	json_t *answer = json_pack("{s:o, s:o}", "kms", o == FINE ? kms_to_json(&kms) : json_null(),
		"identities", identities_to_json(&all));
	free(all.at);
	return show_answer(cli, answer);
}
