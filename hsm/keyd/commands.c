#include "hsm/keyd/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json_out.h"
#include "base/log.h"
#include "hsm/keyd/agree.h"
#include "hsm/keyd/ibs_commands.h"
#include "hsm/keyd/make_keys.h"
#include "hsm/keyd/probe.h"

#define ANSWER_MAX (1u << 20)
#define MOST_TRIES 5
#define PAUSE_MS   100

static const enum key_use every_use[] = { KEY_USE_SIGN, KEY_USE_ECKA, KEY_USE_RECIPIENT,
	KEY_USE_KEK, KEY_USE_SESSION, KEY_USE_SUCI_B, KEY_USE_SUCI_A };
#define USES (sizeof(every_use) / sizeof(every_use[0]))

static bool is_certified_use(enum key_use use)
{
	return use == KEY_USE_ECKA || use == KEY_USE_SIGN;
}

/* What is said of a key: its certificate, where it is to have one, and whether this command has made it. */
struct key_said {
	bool certify, is_new;
};

static enum outcome write_key(struct json_out *o, struct token_session *s,
	const struct settings *settings, const struct token_key *key, struct key_said said)
{
	struct certified certified = { 0 };
	char label[KEY_LABEL_LEN + 1];
	enum outcome outcome = FINE;

	if (said.certify && is_certified_use(key->use))
		outcome = key_certify(s, settings, key, &certified);
	snprintf(label, sizeof(label), KEY_PREFIX "%s.%u", key_use_name(key->use), key->generation);
	json_open(o, '{');
	json_member_text(o, "label", label);
	json_member_text(o, "use", key_use_name(key->use));
	json_member_number(o, "generation", key->generation);
	json_member_hex(o, "keyId", BYTES(key->key_id));
	json_key(o, "isNew");
	json_bool(o, said.is_new);
	if (token_public_len(key->use) > 0)
		json_member_base64(
			o, "publicKey", bytes_of(key->public_key, token_public_len(key->use)));
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

static int print_all_the_same(struct json_out *o, enum outcome outcome)
{
	size_t len;
	const char *text = json_end(o, &len);

	if (text == NULL)
		return 1;
	puts(text);
	return fflush(stdout) == 0 && outcome == FINE ? 0 : 1;
}

static int print(struct json_out *o, enum outcome outcome)
{
	return outcome == FINE ? print_all_the_same(o, outcome) : 1;
}

static int list_keys(struct json_out *o, struct token_session *s, const struct settings *settings)
{
	enum outcome outcome = FINE;

	json_open(o, '{');
	json_key(o, "keys");
	json_open(o, '[');
	for (unsigned i = 0; outcome == FINE && i < s->key_count; i++)
		outcome = write_key(o, s, settings, &s->keys[i], (struct key_said){ 0 });
	json_close(o, ']');
	json_close(o, '}');
	return print(o, outcome);
}

/* What the module cannot make, which the server then does without. */
static void write_refused(struct json_out *o, const bool refused[KEY_USE_COUNT])
{
	bool has_any = false;

	for (size_t i = 0; i < USES; i++)
		has_any = has_any || refused[every_use[i]];
	if (!has_any)
		return;
	json_key(o, "refused");
	json_open(o, '[');
	for (size_t i = 0; i < USES; i++) {
		if (!refused[every_use[i]])
			continue;
		json_open(o, '{');
		json_member_text(o, "use", key_use_name(every_use[i]));
		json_member_text(o, "reason", "the module has no mechanism for such keys");
		json_close(o, '}');
	}
	json_close(o, ']');
}

static enum outcome make_missing(
	struct token_session *s, bool made[KEY_USE_COUNT], bool refused[KEY_USE_COUNT])
{
	enum outcome outcome = FINE;

	for (size_t i = 0; outcome == FINE && i < USES; i++) {
		if (token_newest(s, every_use[i]) != NULL)
			continue;
		outcome = key_make(s, every_use[i], 1);
		made[every_use[i]] = outcome == FINE;
		refused[every_use[i]] = outcome == RESOURCE_NOT_FOUND;
		if (outcome == RESOURCE_NOT_FOUND)
			outcome = FINE;
	}
	return outcome;
}

/*
 * Makes what is missing; every key that is there is certified anew, so that init may be repeated. Where something
 * fails, what was made before is said all the same: a key that nobody told of would be in no audit trail.
 */
static int init_keys(struct json_out *o, struct token_session *s, const struct settings *settings)
{
	bool made[KEY_USE_COUNT] = { false }, refused[KEY_USE_COUNT] = { false };
	enum outcome outcome = make_missing(s, made, refused);

	json_open(o, '{');
	json_key(o, "keys");
	json_open(o, '[');
	for (size_t i = 0; i < USES; i++) {
		const struct token_key *key = token_newest(s, every_use[i]);

		if (key == NULL)
			continue;
		enum outcome said = write_key(o, s, settings, key,
			(struct key_said){ outcome == FINE, made[every_use[i]] });

		outcome = outcome == FINE ? said : outcome;
	}
	json_close(o, ']');
	write_refused(o, refused);
	json_close(o, '}');
	return print_all_the_same(o, outcome);
}

/* "arpf.ecka", with or without a generation behind it. */
static bool read_use(const char *label, enum key_use *use)
{
	size_t prefix = strlen(KEY_PREFIX);

	if (strncmp(label, KEY_PREFIX, prefix) != 0)
		return false;
	for (size_t i = 0; i < USES; i++) {
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

	if (outcome == RESOURCE_NOT_FOUND)
		fprintf(stderr, "arpf-keyd: %s: the module has no mechanism for such keys\n",
			label);
	json_open(o, '{');
	json_key(o, "keys");
	json_open(o, '[');
	if (outcome == FINE)
		outcome = write_key(
			o, s, settings, token_newest(s, use), (struct key_said){ true, true });
	json_close(o, ']');
	json_close(o, '}');
	return print_all_the_same(o, outcome);
}

static int probe(struct json_out *o, struct token_session *s)
{
	probe_write(o, s);
	return print(o, FINE);
}

/* The words of a command: a count, and what the first two are. */
static bool is_command(char **words, int count, const char *first, const char *second, int wanted)
{
	return count == wanted && strcmp(words[0], first) == 0 &&
	       (second == NULL || strcmp(words[1], second) == 0);
}

static int run(struct json_out *o, struct token_session *s, const struct settings *settings,
	char **words, int count)
{
	if (is_command(words, count, "keys", "list", 2))
		return list_keys(o, s, settings);
	if (is_command(words, count, "keys", "init", 2))
		return init_keys(o, s, settings);
	if (is_command(words, count, "keys", "rotate", 3))
		return rotate_key(o, s, settings, words[2]);
	if (is_command(words, count, "ibs", "kms-init", 2))
		return print(o, ibs_command_kms_init(o, s));
	if (is_command(words, count, "ibs", "issue", 6))
		return print(o, ibs_command_issue(o, s, words + 2));
	if (is_command(words, count, "probe", NULL, 1))
		return probe(o, s);
	return 2;
}

/*
 * SoftHSM writes the token's file anew at each login: whoever opens the token at that moment finds none, or one
 * that it cannot read. It reads tokens when it is initialised, so that another try begins there.
 */
static enum outcome open_token(
	struct token *token, struct token_session *s, const struct settings *settings)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

	for (unsigned tries = 1;; tries++) {
		enum outcome o = token_open(token, settings);

		if (o == FINE)
			o = token_session_open(token, s, false);
		if (o != HSM_UNAVAILABLE || token->failure_lasts || tries == MOST_TRIES)
			return o;
		log_warning("token_tried_again", "tries=%u most=%u", tries, MOST_TRIES);
		token_close(token);
		nanosleep(&pause, NULL);
	}
}

int keyd_command(const struct settings *settings, char **words, int count)
{
	struct token token = { 0 };
	struct arena *arena = arena_new(ANSWER_MAX);
	struct token_session *s = calloc(1, sizeof(*s));
	int status = 1;

	if (arena != NULL && s != NULL && open_token(&token, s, settings) == FINE) {
		struct json_out o = json_start(arena);

		status = run(&o, s, settings, words, count);
	}
	if (s != NULL)
		token_forget_data_keys(s);
	token_close(&token);
	free(s);
	arena_free(arena);
	return status;
}
