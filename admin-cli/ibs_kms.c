/* The KMS of one's own, and what it issues: arpf-keyd computes, the database keeps. */
#include <string.h>

#include "admin-cli/commands.h"
#include "admin-cli/files.h"
#include "admin-cli/ibs.h"
#include "admin-cli/keyd.h"
#include "admin-cli/remote.h"

#define MOST_BYTES 72 /* of a member that is read */

static bool read_bytes(const json_t *in, const char *name, uint8_t *out, size_t len)
{
	const json_t *text = json_object_get(in, name);
	uint8_t room[MOST_BYTES];
	size_t got;

	if (json_string_length(text) != BASE64_LEN(len) || BASE64_LEN(len) / 4 * 3 > sizeof(room) ||
		!base64_read(json_string_value(text), BASE64_LEN(len), room, &got) || got != len)
		return false;
	memcpy(out, room, len);
	return true;
}

static bool read_generation(const json_t *in, int32_t *generation)
{
	json_int_t n = remote_number(in, "kekGeneration");

	*generation = (int32_t)n;
	return n >= 1 && n <= UINT16_MAX;
}

static enum cli_end refuse_answer(void)
{
	return cli_refuse_outcome(BROKEN, "arpf-keyd's answer is not what it should be");
}

static enum cli_end tell_kms(const struct cli *cli, const struct db_ibs_kms *kms, bool is_made)
{
	json_t *kpak = json_of_bytes(BYTES(kms->kpak));

	if (cli->json)
		return cli_answer_json(json_pack("{s:o, s:b}", "kpak", kpak, "made", (int)is_made));
	printf("%s\n  KPAK %s\n", is_made ? "a KMS was made" : "there is a KMS already",
		kpak != NULL ? json_string_value(kpak) : "?");
	json_decref(kpak);
	return CLI_DONE;
}

static enum cli_end make_kms(struct cli *cli, struct db_ibs_kms *kms)
{
	json_t *made;
	enum cli_end end = keyd_run(cli, (const char *const[]){ "ibs", "kms-init", NULL }, &made);

	if (end != CLI_DONE)
		return end;
	*kms = (struct db_ibs_kms){ 0 };
	bool is_whole =
		read_bytes(made, "kpak", kms->kpak, sizeof(kms->kpak)) &&
		read_bytes(made, "wrappedKsak", kms->wrapped_ksak, sizeof(kms->wrapped_ksak)) &&
		read_generation(made, &kms->kek_generation);
	json_decref(made);
	return is_whole ? CLI_DONE : refuse_answer();
}

enum cli_end command_ibs_kms_init(struct cli *cli)
{
	bool if_missing = cli_option(cli, "if-missing") != NULL;
	struct db_ibs_kms kms;
	enum outcome o = db_find_ibs_kms(cli->settings.database, &kms);

	if (o != FINE && o != NO_ROW)
		return ibs_refuse_reading(o);
	if (o == FINE && if_missing)
		return tell_kms(cli, &kms, false);
	if (o == FINE)
		return cli_refuse_outcome(CONFLICT,
			"there is a KMS already; another would make every identity useless");
	enum cli_end end = make_kms(cli, &kms);
	if (end != CLI_DONE)
		return end;
	o = db_store_ibs_kms(cli->settings.database, cli_actor(cli), &kms);
	if (o == CONFLICT)
		return cli_refuse_outcome(o, "somebody else has made a KMS at the same time");
	return o == FINE ? tell_kms(cli, &kms, true)
			 : cli_refuse_outcome(o, "the KMS was not stored");
}

static enum cli_end read_kms(const struct cli *cli, struct db_ibs_kms *kms)
{
	enum outcome o = db_find_ibs_kms(cli->settings.database, kms);

	if (o == NO_ROW)
		return cli_refuse_outcome(
			RESOURCE_NOT_FOUND, "there is no KMS; make one: arpfctl ibs kms-init");
	return o == FINE ? CLI_DONE : ibs_refuse_reading(o);
}

static enum cli_end ask_for_pair(struct cli *cli, const struct db_ibs_kms *kms, const char *id,
	struct db_ibs_identity *identity)
{
	char kpak[BASE64_LEN(sizeof(kms->kpak)) + 1];
	char ksak[BASE64_LEN(sizeof(kms->wrapped_ksak)) + 1], generation[16];
	json_t *issued;

	base64_write(BYTES(kms->kpak), kpak);
	base64_write(BYTES(kms->wrapped_ksak), ksak);
	snprintf(generation, sizeof(generation), "%d", (int)kms->kek_generation);
	enum cli_end end = keyd_run(cli,
		(const char *const[]){ "ibs", "issue", id, kpak, ksak, generation, NULL }, &issued);

	if (end != CLI_DONE)
		return end;
	bool is_whole = strcmp(remote_text(issued, "id"), id) == 0 &&
			read_bytes(issued, "pvt", identity->pvt, sizeof(identity->pvt)) &&
			read_bytes(issued, "wrappedSsk", identity->wrapped_ssk,
				sizeof(identity->wrapped_ssk)) &&
			read_generation(issued, &identity->kek_generation);
	json_decref(issued);
	return is_whole ? CLI_DONE : refuse_answer();
}

enum cli_end ibs_issue(struct cli *cli, const char *id, const struct ibs_period *period,
	struct db_ibs_identity *identity, bool *is_new)
{
	struct db_ibs_kms kms;
	enum cli_end end = read_kms(cli, &kms);

	if (end != CLI_DONE)
		return end;
	*identity = (struct db_ibs_identity){
		.not_before = period->not_before,
		.not_after = period->not_after,
	};
	memcpy(identity->id, id, strlen(id));
	memcpy(identity->kpak, kms.kpak, sizeof(kms.kpak));
	end = ask_for_pair(cli, &kms, id, identity);
	if (end != CLI_DONE)
		return end;
	enum outcome o = db_store_ibs_identity(cli->settings.database, cli_actor(cli), identity);

	*is_new = o == FINE;
	return o == FINE || o == CONFLICT ? CLI_DONE
					  : cli_refuse_outcome(o, "the identity was not stored");
}
