#include <stdio.h>
#include <string.h>

#include "admin-cli/commands.h"
#include "admin-cli/key_rows.h"
#include "admin-cli/keyd.h"
#include "admin-cli/list.h"
#include "admin-cli/remote.h"
#include "base/clock.h"
#include "db/keys_store.h"
#include "hsm/messages.h"
#include "pki/certificate.h"

#define KEYS         "/admin/v1/keys"
#define MEMORY_LIMIT (4u * 1024u * 1024u)

static const struct list_column made_columns[] = {
	{ "LABEL", "label" },
	{ "USE", "use" },
	{ "GENERATION", "generation" },
	{ "CERTIFICATE", "certificateIs" },
	{ "KEY ID", "keyId" },
	{},
};

static const struct list_column listed_columns[] = {
	{ "LABEL", "label" },
	{ "USE", "use" },
	{ "GENERATION", "generation" },
	{ "IN HSM", "inHsm" },
	{ "CERTIFIED", "certified" },
	{ "RETIRED", "retired" },
	{ "KEY ID", "keyId" },
	{},
};

/* The server does without what the module cannot make: that is no failure. */
static void say_refused(const json_t *refused)
{
	for (size_t i = 0; i < json_array_size(refused); i++) {
		const json_t *row = json_array_get(refused, i);

		fprintf(stderr, "arpfctl: no key of use %s was made: %s\n", remote_text(row, "use"),
			remote_text(row, "reason"));
	}
}

/* refused: NULL where there is none. */
static enum cli_end show_keys(
	struct cli *cli, const struct list_column *columns, json_t *keys, json_t *refused)
{
	if (cli->json)
		return cli_answer_json(json_pack("{s:O, s:O*}", "keys", keys, "refused", refused));
	say_refused(refused);
	struct table table = list_start_table(columns);
	for (size_t i = 0; i < json_array_size(keys); i++)
		list_add_row(&table, columns, json_array_get(keys, i));
	bool is_whole = table_print(&table, stdout);
	table_free(&table);
	return is_whole ? CLI_DONE : cli_refuse_outcome(NO_MEMORY, NULL);
}

/* Whether a server that cannot be reached is one that the user named. */
static bool is_server_named(const struct cli *cli)
{
	return cli_option(cli, "url") != NULL || cli_option(cli, "socket") != NULL;
}

static enum cli_end store_directly(struct cli *cli, const json_t *keys)
{
	struct arena *arena = arena_new(MEMORY_LIMIT);
	struct db_key_in *rows;
	size_t count;

	if (arena == NULL)
		return cli_refuse_outcome(NO_MEMORY, NULL);
	enum outcome o = key_rows_from_json(keys, arena, &rows, &count);
	if (o == FINE)
		o = db_store_keys(cli->settings.database, cli_actor(cli), rows, count);
	arena_free(arena);
	return o == FINE
		       ? CLI_DONE
		       : cli_refuse_outcome(o,
				 "the keys are in the HSM, but their certificates were not stored; "
				 "see to the database (arpfctl migrate), then: arpfctl keys init");
}

static void add_row(void *context, const struct db_key_row *row)
{
	json_array_append_new(context, key_row_to_json(row));
}

static enum cli_end read_stored(struct cli *cli, json_t **stored)
{
	struct remote_answer answer;
	enum cli_end end = remote_try(cli, "GET", KEYS "?limit=1000", NULL, &answer);

	*stored = NULL;
	if (end == CLI_DONE)
		*stored = json_incref(json_object_get(answer.json, "items"));
	json_decref(answer.json);
	if (end == CLI_DONE || answer.reached)
		return end;
	if (is_server_named(cli))
		return remote_refuse_unreached(cli);
	*stored = json_array();
	enum outcome o = db_each_key(cli->settings.database, add_row, *stored);
	return o == FINE ? CLI_DONE
			 : cli_refuse_outcome(o, "the stored keys could not be read; is the schema "
						 "there (arpfctl migrate)?");
}

/* The stored key of this id, or NULL. */
static json_t *find_key(json_t *keys, const char *key_id)
{
	for (size_t i = 0; i < json_array_size(keys); i++)
		if (strcmp(remote_text(json_array_get(keys, i), "keyId"), key_id) == 0)
			return json_array_get(keys, i);
	return NULL;
}

/* Still to be trusted for so long, a stored certificate is not replaced by a fresh one. */
#define RENEW_BEFORE_S (30 * 86400)

static void note(json_t *key, const char *what)
{
	json_object_set_new(key, "certificateIs", json_string(what));
}

static bool is_worth_keeping(const json_t *stored)
{
	const json_t *text = json_object_get(stored, "certificate");
	uint8_t der[DB_DER_MAX];
	size_t len = json_string_length(text);
	struct certificate c;

	return len > 0 && len <= BASE64_LEN(sizeof(der)) - 4 &&
	       base64_read(json_string_value(text), len, der, &len) &&
	       certificate_read(bytes_of(der, len), &c) == FINE &&
	       c.not_after > clock_unix() + RENEW_BEFORE_S;
}

/*
 * The keys whose certificates are to be stored. A server is known to others by the hash of its certificate:
 * a good one stays as it is when keys init is repeated.
 */
static json_t *choose_new(json_t *keys, json_t *stored)
{
	json_t *chosen = json_array();

	for (size_t i = 0; i < json_array_size(keys); i++) {
		json_t *key = json_array_get(keys, i);

		if (!json_is_string(json_object_get(key, "certificate"))) {
			note(key, "-");
		} else if (is_worth_keeping(find_key(stored, remote_text(key, "keyId")))) {
			note(key, "kept");
		} else {
			note(key, "new");
			json_array_append(chosen, key);
		}
	}
	return chosen;
}

/* Keys that have no certificate leave no trace in the database: servers are told to look at the HSM. */
static enum cli_end tell_servers(struct cli *cli)
{
	enum outcome o = db_tell_of_keys(cli->settings.database);

	return o == FINE
		       ? CLI_DONE
		       : cli_refuse_outcome(o, "the keys are in the HSM, but the servers were not "
					       "told; they find them when they start");
}

/* Through the server where there is one, because it then answers when it has them. */
static enum cli_end store_keys(struct cli *cli, json_t *keys)
{
	struct remote_answer answer;

	if (json_array_size(keys) == 0)
		return tell_servers(cli);
	enum cli_end end = remote_try(cli, "PUT", KEYS, json_pack("{s:O}", "keys", keys), &answer);
	json_decref(answer.json);
	if (end != CLI_DONE && !answer.reached)
		end = is_server_named(cli) ? remote_refuse_unreached(cli)
					   : store_directly(cli, keys);
	return end;
}

/* A key of which the trail could not know is not made. */
static enum cli_end look_at_trail(struct cli *cli)
{
	enum outcome o = cli_actor(cli) != NULL ? db_can_record(cli->settings.database) : FINE;

	return o == FINE
		       ? CLI_DONE
		       : cli_refuse_outcome(o, "no key was made, for it could not be recorded; is "
					       "the schema there (arpfctl migrate)?");
}

/* What this command has made, each by label and id. */
static enum cli_end record_made(struct cli *cli, const json_t *keys)
{
	char texts[KEY_USE_COUNT][DB_DETAIL_MAX + 1];
	const char *made[KEY_USE_COUNT];
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(keys) && count < KEY_USE_COUNT; i++) {
		const json_t *key = json_array_get(keys, i);

		if (!json_is_true(json_object_get(key, "isNew")))
			continue;
		snprintf(texts[count], sizeof(texts[count]), "%s %s", remote_text(key, "label"),
			remote_text(key, "keyId"));
		made[count] = texts[count];
		count++;
	}
	if (count == 0 || cli_actor(cli) == NULL)
		return CLI_DONE;
	enum outcome o = db_record_made_keys(cli->settings.database, cli_actor(cli), made, count);
	for (size_t i = 0; i < count && o != FINE; i++)
		fprintf(stderr, "arpfctl: not recorded: %s\n", made[i]);
	return o == FINE ? CLI_DONE
			 : cli_refuse_outcome(
				   o, "the keys are in the HSM, but not in the audit trail");
}

static enum cli_end use_keys(struct cli *cli, json_t *made, json_t *stored)
{
	json_t *keys = json_object_get(made, "keys");
	json_t *chosen = choose_new(keys, stored);
	enum cli_end recorded = record_made(cli, keys);
	enum cli_end end = store_keys(cli, chosen);

	if (end == CLI_DONE)
		end = show_keys(cli, made_columns, keys, json_object_get(made, "refused"));
	json_decref(chosen);
	return end != CLI_DONE ? end : recorded;
}

/* arpf-keyd failed half-way, perhaps over a certificate: what it has made is there, and is the trail's. */
static enum cli_end tell_of_half(struct cli *cli, const json_t *keys, enum cli_end end)
{
	for (size_t i = 0; i < json_array_size(keys); i++) {
		const json_t *key = json_array_get(keys, i);

		if (json_is_true(json_object_get(key, "isNew")))
			fprintf(stderr,
				"arpfctl: made, but perhaps not certified: %s; "
				"arpfctl keys init goes on with it\n",
				remote_text(key, "label"));
	}
	(void)record_made(cli, keys);
	return end;
}

static enum cli_end make_keys(struct cli *cli, const char *const *words, bool keep)
{
	json_t *made = NULL, *stored = NULL;
	enum cli_end end = look_at_trail(cli);

	if (end == CLI_DONE && keep)
		end = read_stored(cli, &stored);
	if (end == CLI_DONE)
		end = keyd_make(cli, words, &made);
	if (end == CLI_DONE)
		end = use_keys(cli, made, stored);
	else if (made != NULL)
		end = tell_of_half(cli, json_object_get(made, "keys"), end);
	json_decref(made);
	json_decref(stored);
	return end;
}

enum cli_end command_keys_init(struct cli *cli)
{
	return make_keys(cli, (const char *const[]){ "keys", "init", NULL },
		cli_option(cli, "certify-anew") == NULL);
}

/* "arpf.ecka", or with a generation behind it, which is not looked at. */
static bool is_label(const char *label)
{
	static const char prefix[] = "arpf.";

	if (strncmp(label, prefix, sizeof(prefix) - 1) != 0)
		return false;
	label += sizeof(prefix) - 1;
	for (unsigned use = 0; use < KEY_USE_COUNT; use++) {
		const char *name = key_use_name((enum key_use)use);
		size_t len = strlen(name);

		if (strncmp(label, name, len) == 0 && (label[len] == '\0' || label[len] == '.'))
			return true;
	}
	return false;
}

static enum cli_end refuse_label(void)
{
	char text[256] = "a label is one of";
	size_t len = strlen(text);

	for (unsigned use = 0; use < KEY_USE_COUNT && len < sizeof(text); use++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, " arpf.%s",
			key_use_name((enum key_use)use));
	return cli_refuse_outcome(INVALID_PARAMETER, text);
}

enum cli_end command_keys_rotate(struct cli *cli)
{
	const char *const words[] = { "keys", "rotate", cli->arguments[0], NULL };

	if (!is_label(cli->arguments[0]))
		return refuse_label();
	return make_keys(cli, words, false);
}

/* The others are known to this server alone. */
static bool is_certified(const json_t *key)
{
	const char *use = remote_text(key, "use");

	return strcmp(use, key_use_name(KEY_USE_ECKA)) == 0 ||
	       strcmp(use, key_use_name(KEY_USE_SIGN)) == 0;
}

/* What the HSM has, with what is stored of it; then what is stored and is not in the HSM. */
static json_t *merge(json_t *in_hsm, json_t *stored)
{
	json_t *all = json_array();

	for (size_t i = 0; i < json_array_size(in_hsm); i++) {
		json_t *key = json_deep_copy(json_array_get(in_hsm, i));
		json_t *known = find_key(stored, remote_text(key, "keyId"));

		if (known != NULL)
			json_object_update(key, known);
		json_object_set_new(key, "inHsm", json_true());
		json_object_set_new(key, "certified",
			is_certified(key) ? json_boolean(known != NULL) : json_null());
		json_array_append_new(all, key);
	}
	for (size_t i = 0; i < json_array_size(stored); i++) {
		json_t *known = json_array_get(stored, i);

		if (find_key(in_hsm, remote_text(known, "keyId")) != NULL)
			continue;
		json_object_set_new(known, "inHsm", json_false());
		json_object_set_new(known, "certified", json_true());
		json_array_append(all, known);
	}
	return all;
}

enum cli_end command_keys_list(struct cli *cli)
{
	json_t *in_hsm = NULL, *stored = NULL;
	enum cli_end end = keyd_run(cli, (const char *const[]){ "keys", "list", NULL }, &in_hsm);

	if (end == CLI_DONE)
		end = read_stored(cli, &stored);
	if (end == CLI_DONE) {
		json_t *all = merge(json_object_get(in_hsm, "keys"), stored);

		end = show_keys(cli, listed_columns, all, NULL);
		json_decref(all);
	}
	json_decref(in_hsm);
	json_decref(stored);
	return end;
}

enum cli_end command_keys_retire(struct cli *cli)
{
	uint8_t key_id[KEY_ID_LEN];
	const char *text = cli->arguments[0];

	if (!hex_read(text, strlen(text), key_id, sizeof(key_id)))
		return cli_refuse_outcome(INVALID_PARAMETER,
			"a key id is 64 hexadecimal digits; see arpfctl keys list");
	enum outcome o = db_retire_key(cli->settings.database, cli_actor(cli), BYTES(key_id));
	if (o == RESOURCE_NOT_FOUND)
		return cli_refuse_outcome(o, "no key has this id");
	if (o == CONFLICT)
		return cli_refuse_outcome(o, "this is the newest key of its use: rotate it first");
	return o == FINE ? CLI_DONE : cli_refuse_outcome(o, "the key was not retired");
}
