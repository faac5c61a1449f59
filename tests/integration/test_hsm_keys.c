/*
 * The keys that companions and SUCIs need, on a real SoftHSM token: their identities, what they do, and their rotation.
 * The test plays the UE that conceals its MSIN (TS 33.501 C.3).
 */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/aes.h"
#include "crypto/dh_group.h"
#include "crypto/ecies.h"
#include "crypto/kdf.h"
#include "tests/integration/key_world.h"
#include "tests/unit/suite.h"

#define IMSI UINT64_C(1010000000042)
#define AKID "r01a@akma.5gc.mnc001.mcc001.3gppnetwork.org"

static const uint8_t msin[5] = { 0x00, 0x00, 0x00, 0x00, 0x24 };

static json_t *keyd(const char *first, const char *second, const char *third)
{
	return softhsm_world_keyd(
		&world.token, (const char *const[]){ first, second, third, NULL });
}

/* A key's row in an answer of "keys list" or "keys init". */
static const json_t *row_of(const json_t *answer, const char *label)
{
	const json_t *row = NULL;
	size_t i;
	json_t *each;

	json_array_foreach(json_object_get(answer, "keys"), i,
		each) if (strcmp(json_string_value(json_object_get(each, "label")), label) == 0)
		row = each;
	ck_assert_msg(row != NULL, "%s", label);
	return row;
}

static void check_key_id(const json_t *row, struct bytes spki_head, size_t len)
{
	const char *text = json_string_value(json_object_get(row, "publicKey"));
	const char *id_text = json_string_value(json_object_get(row, "keyId"));
	uint8_t key[128], id[KEY_ID_LEN], expected[KEY_ID_LEN];
	size_t got;

	ck_assert(base64_read(text, strlen(text), key, &got));
	ck_assert_uint_eq(got, len);
	ck_assert(hex_read(id_text, strlen(id_text), id, sizeof(id)));
	struct bytes parts[] = { spki_head, bytes_of(key, len) };

	ck_assert_int_eq(sha256(parts, 2, expected), FINE);
	ck_assert_mem_eq(id, expected, sizeof(id));
}

START_TEST(test_init_makes_every_key)
{
	/* DER of SubjectPublicKeyInfo before the key: RFC 5480, RFC 8410. */
	static const uint8_t p256[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
		0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03,
		0x42, 0x00 };
	static const uint8_t x25519[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e,
		0x03, 0x21, 0x00 };
	static const char *const labels[] = { "arpf.sign.1", "arpf.ecka.1", "arpf.recipient.1",
		"arpf.kek.1", "arpf.session.1", "arpf.suci-b.1", "arpf.suci-a.1" };
	json_t *init = keyd("keys", "init", NULL), *list = keyd("keys", "list", NULL);

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		ck_assert_str_eq(
			json_string_value(json_object_get(row_of(init, labels[i]), "keyId")),
			json_string_value(json_object_get(row_of(list, labels[i]), "keyId")));
	ck_assert_ptr_null(json_object_get(init, "refused"));
	ck_assert_ptr_null(json_object_get(row_of(list, "arpf.session.1"), "publicKey"));
	check_key_id(row_of(list, "arpf.suci-b.1"), BYTES(p256), P256_POINT_LEN);
	check_key_id(row_of(list, "arpf.suci-a.1"), BYTES(x25519), 32);
	json_decref(init);
	json_decref(list);
}
END_TEST

/* The MSIN concealed to a home network key: scheme 1 with X25519, 2 with P-256. */
static struct key_deconceal_in conceal(enum key_use use)
{
	struct key_found key = find_key(use);
	bool is_a = use == KEY_USE_SUCI_A;
	struct key_deconceal_in in = { .scheme = is_a ? 1 : 2,
		.home_key = (uint8_t)key.generation };
	size_t len = is_a ? 32 : P256_COMPRESSED_LEN;
	uint8_t secret[DH_SECRET_MAX], element[65], z[32], mac[32];

	ck_assert_int_eq(dh_generate(is_a ? DH_X25519 : DH_P256, secret, element), FINE);
	ck_assert_int_eq(dh_agree(is_a ? DH_X25519 : DH_P256, secret,
				 bytes_of(key.public_key, is_a ? 32 : P256_POINT_LEN), z),
		FINE);
	if (is_a)
		memcpy(in.output, element, len);
	else
		ck_assert_int_eq(p256_compress(element, in.output), FINE);
	uint8_t keys[ECIES_KEYS_LEN];
	struct bytes ciphertext = bytes_of(in.output + len, sizeof(msin));

	ck_assert_int_eq(x963_sha256(BYTES(z), bytes_of(in.output, len), keys, sizeof(keys)), FINE);
	ck_assert_int_eq(aes128_ctr(keys, keys + 16, BYTES(msin), in.output + len), FINE);
	ck_assert_int_eq(hmac_sha256(bytes_of(keys + 32, 32), &ciphertext, 1, mac), FINE);
	memcpy(in.output + len + sizeof(msin), mac, 8);
	in.len = (uint16_t)(len + sizeof(msin) + 8);
	return in;
}

static void expect(const struct key_deconceal_in *in, enum outcome expected, const char *what)
{
	struct key_msin out;
	enum outcome o = ask(KEY_DECONCEAL, in, &out);

	ck_assert_msg(o == expected, "%s: %s", what, outcome_name(o));
	if (expected != FINE)
		return;
	ck_assert_uint_eq(out.len, sizeof(msin));
	ck_assert_mem_eq(out.bcd, msin, sizeof(msin));
}

START_TEST(test_suci_of_both_profiles)
{
	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	for (unsigned round = 0; round < 20; round++) { /* points of both signs */
		struct key_deconceal_in a = conceal(KEY_USE_SUCI_A), b = conceal(KEY_USE_SUCI_B);

		expect(&a, FINE, "profile A");
		expect(&b, FINE, "profile B");
		a.output[a.len - 1] ^= 1;
		b.output[b.len - 1] ^= 1;
		expect(&a, MAC_INVALID, "the MAC of profile A");
		expect(&b, MAC_INVALID, "the MAC of profile B");
	}
	key_world_end();
}
END_TEST

/* RFC 7748 6.1: what agrees to zero is refused, in every way of writing it. */
START_TEST(test_ephemeral_keys_of_low_order)
{
	static const char *const low_order[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	struct key_deconceal_in in = conceal(KEY_USE_SUCI_A);

	for (size_t i = 0; i < sizeof(low_order) / sizeof(low_order[0]); i++) {
		ck_assert(hex_read(low_order[i], 64, in.output, 32));
		expect(&in, INVALID_PARAMETER, low_order[i]);
		in.output[31] |= 0x80;
		expect(&in, INVALID_PARAMETER, low_order[i]);
	}
	key_world_end();
}
END_TEST

/* What was kept or concealed under a key goes on to be opened when there is a newer one. */
START_TEST(test_rotation)
{
	struct session_of_test old, new;
	struct key_check_addition_in in = { .url_len = 1, .url = "u" };
	const struct bytes fields[FIELDS_MAX] = { bytes_of_text(AKID), bytes_of_text("u") };
	struct key_nothing nothing;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	register_session(&old, IMSI, AKID);
	struct key_deconceal_in old_a = conceal(KEY_USE_SUCI_A), old_b = conceal(KEY_USE_SUCI_B);

	json_decref(keyd("keys", "rotate", "arpf.session"));
	json_decref(keyd("keys", "rotate", "arpf.suci-a"));
	json_decref(keyd("keys", "rotate", "arpf.suci-b.1"));
	key_world_end();
	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	ck_assert_uint_eq(find_key(KEY_USE_SESSION).generation, 2);
	register_session(&new, IMSI, AKID);
	ck_assert_uint_eq(new.kept.at[2], 2);
	const struct session_of_test *both[] = { &old, &new };

	for (unsigned i = 0; i < 2; i++) {
		in.session = both[i]->session;
		in.k = both[i]->kept;
		mac_of("arpf add v1", fields, BYTES(both[i]->k), in.mac);
		ck_assert_int_eq(ask(KEY_CHECK_ADDITION, &in, &nothing), FINE);
	}
	struct key_deconceal_in new_a = conceal(KEY_USE_SUCI_A), new_b = conceal(KEY_USE_SUCI_B);

	ck_assert_uint_eq(new_a.home_key, 2);
	ck_assert_uint_eq(new_b.home_key, 2);
	expect(&old_a, FINE, "profile A under the old key");
	expect(&old_b, FINE, "profile B under the old key");
	expect(&new_a, FINE, "profile A under the new key");
	expect(&new_b, FINE, "profile B under the new key");
	new_a.home_key = 1;
	expect(&new_a, MAC_INVALID, "profile A under another key");
	new_a.home_key = 3;
	expect(&new_a, INVALID_PARAMETER, "a home key that there is not");
	key_world_end();
}
END_TEST

/* How long a command waits at the least, and when the token is there again. */
#define WAITS_MS 400
#define AWAY_MS  250

/*
 * The token's folder is away, or empty, and comes back after a while, as if another process wrote in it at a bad
 * moment. *was_late: on a slow machine it was away for longer than anybody waits.
 */
static json_t *list_while_token_is_away(bool is_empty, bool *was_late)
{
	char tokens[96], away[96];
	const struct timespec while_away = { .tv_nsec = AWAY_MS * 1000000L };
	int64_t began = clock_ms();
	int status;

	snprintf(tokens, sizeof(tokens), "%s/tokens", world.token.folder);
	snprintf(away, sizeof(away), "%s/away", world.token.folder);
	ck_assert_int_eq(rename(tokens, away), 0);
	ck_assert(!is_empty || mkdir(tokens, 0700) == 0);
	pid_t pid = fork();

	if (pid == 0) {
		nanosleep(&while_away, NULL);
		bool is_back = rename(away, tokens) == 0;

		_exit(!is_back ? 1 : clock_ms() - began < WAITS_MS ? 0 : 2);
	}
	json_t *list = keyd("keys", "list", NULL);

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) != 1);
	*was_late = WEXITSTATUS(status) == 2;
	return list;
}

START_TEST(test_commands_wait_for_the_token)
{
	for (int is_empty = 0; is_empty < 2; is_empty++) {
		bool was_late = true;
		json_t *list = NULL;

		for (int i = 0; i < 20 && list == NULL && was_late; i++)
			list = list_while_token_is_away(is_empty == 1, &was_late);
		ck_assert_ptr_nonnull(row_of(list, "arpf.ecka.1"));
		json_decref(list);
	}
}
END_TEST

/* Tokens count wrong PINs and are locked by a few. */
START_TEST(test_a_wrong_pin_is_tried_once)
{
	char said[4096];
	FILE *file = tmpfile();
	int err = dup(STDERR_FILENO);

	softhsm_world_set_pin(&world.token, "654321\n");
	dup2(fileno(file), STDERR_FILENO);
	json_t *list = keyd("keys", "list", NULL);

	dup2(err, STDERR_FILENO);
	close(err);
	softhsm_world_set_pin(&world.token, "123456\n");
	ck_assert_ptr_null(list);
	rewind(file);
	said[fread(said, 1, sizeof(said) - 1, file)] = '\0';
	fclose(file);
	const char *first = strstr(said, "CKR_PIN_INCORRECT");

	ck_assert_msg(first != NULL && strstr(first + 1, "CKR_PIN_INCORRECT") == NULL, "%s", said);
	ck_assert_msg(strstr(said, "token_tried_again") == NULL, "%s", said);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_init_makes_every_key,
		test_suci_of_both_profiles,
		test_ephemeral_keys_of_low_order,
		test_rotation,
		test_commands_wait_for_the_token,
		test_a_wrong_pin_is_tried_once,
	};

	softhsm_world_or_skip(&world.token);
	int status = suite_run("hsm keys", tests, sizeof(tests) / sizeof(tests[0]));

	softhsm_world_remove(&world.token);
	return status;
}
