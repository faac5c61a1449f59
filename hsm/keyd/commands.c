#include "hsm/keyd/commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json_out.h"
#include "hsm/keyd/make_keys.h"
#include "hsm/keyd/probe.h"

#define ANSWER_MAX (1u << 20)

static const enum key_use every_use[] = { KEY_USE_SIGN, KEY_USE_ECKA, KEY_USE_RECIPIENT,
	KEY_USE_KEK };

static bool is_certified_use(enum key_use use)
{
	return use == KEY_USE_ECKA || use == KEY_USE_SIGN;
}

static enum outcome write_key(struct json_out *o, struct token_session *s,
	const struct settings *settings, const struct token_key *key, bool certify)
{
	struct certified certified = { 0 };
	char label[KEY_LABEL_LEN + 1];
	enum outcome outcome = FINE;

	if (certify && is_certified_use(key->use))
		outcome = key_certify(s, settings, key, &certified);
	snprintf(label, sizeof(label), KEY_PREFIX "%s.%u", key_use_name(key->use), key->generation);
	json_open(o, '{');
	json_member_text(o, "label", label);
	json_member_text(o, "use", key_use_name(key->use));
	json_member_number(o, "generation", key->generation);
	json_member_hex(o, "keyId", BYTES(key->key_id));
	if (key->use != KEY_USE_KEK)
		json_member_base64(o, "publicKey", BYTES(key->public_key));
	if (certified.certificate.len > 0) {
		json_member_base64(o, "certificate", certified.certificate);
		json_key(o, "chain");
		json_open(o, '[');
		if (certified.chain.len > 0)
			json_base64(o, certified.chain);
		json_close(o, ']');
	}
	json_close(o, '}');
	bytes_free(certified.certificate);
	bytes_free(certified.chain);
	return outcome;
}

static int print(struct json_out *o, enum outcome outcome)
{
	size_t len;
	const char *text = json_end(o, &len);

	if (outcome != FINE || text == NULL)
		return 1;
	puts(text);
	return fflush(stdout) == 0 ? 0 : 1;
}

static int list_keys(struct json_out *o, struct token_session *s, const struct settings *settings)
{
	enum outcome outcome = FINE;

	json_open(o, '{');
	json_key(o, "keys");
	json_open(o, '[');
	for (unsigned i = 0; outcome == FINE && i < s->key_count; i++)
		outcome = write_key(o, s, settings, &s->keys[i], false);
	json_close(o, ']');
	json_close(o, '}');
	return print(o, outcome);
}

/* Makes what is missing; every key that is there is certified anew, so that init may be repeated. */
static int init_keys(struct json_out *o, struct token_session *s, const struct settings *settings)
{
	enum outcome outcome = FINE;
	size_t uses = sizeof(every_use) / sizeof(every_use[0]);

	for (size_t i = 0; outcome == FINE && i < uses; i++)
		if (token_newest(s, every_use[i]) == NULL)
			outcome = key_make(s, every_use[i], 1);
	json_open(o, '{');
	json_key(o, "keys");
	json_open(o, '[');
	for (size_t i = 0; outcome == FINE && i < uses; i++)
		outcome = write_key(o, s, settings, token_newest(s, every_use[i]), true);
	json_close(o, ']');
	json_close(o, '}');
	return print(o, outcome);
}

/* "arpf.ecka", with or without a generation behind it. */
static bool read_use(const char *label, enum key_use *use)
{
	size_t prefix = strlen(KEY_PREFIX);

	if (strncmp(label, KEY_PREFIX, prefix) != 0)
		return false;
	for (size_t i = 0; i < sizeof(every_use) / sizeof(every_use[0]); i++) {
		const char *name = key_use_name(every_use[i]);
		size_t len = strlen(name);

		*use = every_use[i];
		if (strncmp(label + prefix, name, len) == 0 &&
			(label[prefix + len] == '\0' || label[prefix + len] == '.'))
			return true;
	}
	return false;
}

static int rotate_key(struct json_out *o, struct token_session *s, const struct settings *settings,
	const char *label)
{
	enum key_use use;

	if (!read_use(label, &use)) {
		fprintf(stderr, "arpf-keyd: %s: no such key\n", label);
		return 2;
	}
	const struct token_key *newest = token_newest(s, use);
	enum outcome outcome = key_make(s, use, newest != NULL ? newest->generation + 1 : 1);

	json_open(o, '{');
	json_key(o, "keys");
	json_open(o, '[');
	if (outcome == FINE)
		outcome = write_key(o, s, settings, token_newest(s, use), true);
	json_close(o, ']');
	json_close(o, '}');
	return print(o, outcome);
}

static int probe(struct json_out *o, struct token_session *s)
{
	probe_write(o, s);
	return print(o, FINE);
}

int keyd_command(struct token *token, const struct settings *settings, char **words, int count)
{
	struct arena *arena = arena_new(ANSWER_MAX);
	struct token_session *s = calloc(1, sizeof(*s));
	int status = 1;

	if (arena != NULL && s != NULL && token_session_open(token, s, false) == FINE) {
		struct json_out o = json_start(arena);

		if (count == 2 && strcmp(words[0], "keys") == 0 && strcmp(words[1], "list") == 0)
			status = list_keys(&o, s, settings);
		else if (count == 2 && strcmp(words[0], "keys") == 0 &&
			 strcmp(words[1], "init") == 0)
			status = init_keys(&o, s, settings);
		else if (count == 3 && strcmp(words[0], "keys") == 0 &&
			 strcmp(words[1], "rotate") == 0)
			status = rotate_key(&o, s, settings, words[2]);
		else if (count == 1 && strcmp(words[0], "probe") == 0)
			status = probe(&o, s);
		else
			status = 2;
	}
	free(s);
	arena_free(arena);
	return status;
}
