/*
 * arpf-keyd's operations through the client, on a real SoftHSM token: the test plays the SE, the Target AUSF and the
 * verifier, and computes everything a second time from the protocol page.
 */
#include "base/imsi.h"
#include "crypto/aes.h"
#include "crypto/ecies.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"
#include "tests/integration/key_world.h"
#include "tests/unit/suite.h"

#define DIMSI UINT64_C(1990000000007)
#define IMSI  UINT64_C(1010000000042)

/* The SE's side of protocol 4.2. */
struct se {
	uint8_t scalar[32], point[65], ek[32], keys[64];
};

static void make_ek(struct se *se, const struct key_found *ecka)
{
	uint8_t z[32], bcd[8], room[160];
	struct bytes info;

	ck_assert_int_eq(p256_generate(se->scalar, se->point), FINE);
	ck_assert_int_eq(p256_agree(se->scalar, BYTES(ecka->public_key), z), FINE);
	imsi_to_bcd(DIMSI, bcd);
	struct transcript t = transcript_start(room, sizeof(room), "arpf ek v1");

	transcript_add(&t, BYTES(bcd));
	transcript_add(&t, BYTES(se->point));
	transcript_add(&t, BYTES(ecka->key_id));
	ck_assert(transcript_end(&t, &info));
	ck_assert_int_eq(x963_sha256(BYTES(z), info, se->ek, 32), FINE);
	t = transcript_start(room, sizeof(room), "arpf ek keys v1");
	transcript_add(&t, BYTES(bcd));
	ck_assert(transcript_end(&t, &info));
	ck_assert_int_eq(hkdf_expand_sha256(BYTES(se->ek), info, se->keys, 64), FINE);
}

static void check_outputs(const struct se *se, const struct key_ek_outputs *out)
{
	uint8_t plain[16], mac[16], bcd[8], kcv[16];
	static const uint8_t zeros[16];
	struct key_check_value value;

	ck_assert_int_eq(aes_ecb_decrypt(bytes_of(se->keys, 16), out->output_1, plain), FINE);
	imsi_to_bcd(IMSI, bcd);
	ck_assert_mem_eq(plain, bcd, 8);
	ck_assert_mem_eq(plain + 8, "ARPF-CTV", 8);
	ck_assert_int_eq(aes_cmac(bytes_of(se->keys + 16, 16), BYTES(plain), mac), FINE);
	mac[6] |= 0x80;
	ck_assert_mem_eq(out->output_2, mac, 16);
	ck_assert_uint_eq(out->sealed.len, 4 + 40 + 24 + 24);
	ck_assert_int_eq(ask(KEY_CHECK_SEALED, &out->sealed, &value), FINE);
	ck_assert_int_eq(aes_ecb_encrypt(bytes_of(se->keys + 32, 16), zeros, kcv), FINE);
	ck_assert_mem_eq(value.kcv, kcv, 3);
}

START_TEST(test_agree_ek)
{
	struct se se;
	struct key_ek_outputs out;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	struct key_found ecka = find_key(KEY_USE_ECKA);
	struct key_agree_ek_in in = { .dimsi = DIMSI, .imsi = IMSI };

	make_ek(&se, &ecka);
	memcpy(in.key_id, ecka.key_id, 32);
	memcpy(in.se_public_key, se.point, 65);
	ck_assert_int_eq(ask(KEY_AGREE_EK, &in, &out), FINE);
	check_outputs(&se, &out);
	in.se_public_key[64] ^= 1;
	ck_assert_int_eq(ask(KEY_AGREE_EK, &in, &out), INVALID_PARAMETER);
	in.se_public_key[64] ^= 1;
	in.key_id[0] ^= 1;
	ck_assert_int_eq(ask(KEY_AGREE_EK, &in, &out), INVALID_PARAMETER);
	in.key_id[0] ^= 1;
	in.imsi = IMSI_LIMIT;
	ck_assert_int_eq(ask(KEY_AGREE_EK, &in, &out), INVALID_PARAMETER);
	key_world_end();
}
END_TEST

START_TEST(test_sealed_is_tampered_with)
{
	struct se se;
	struct key_ek_outputs out;
	struct key_check_value right, value;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	struct key_found ecka = find_key(KEY_USE_ECKA);
	struct key_agree_ek_in in = { .dimsi = DIMSI, .imsi = IMSI };

	make_ek(&se, &ecka);
	memcpy(in.key_id, ecka.key_id, 32);
	memcpy(in.se_public_key, se.point, 65);
	ck_assert_int_eq(ask(KEY_AGREE_EK, &in, &out), FINE);
	ck_assert_int_eq(ask(KEY_CHECK_SEALED, &out.sealed, &right), FINE);
	/* Version, length, generation, data key, K and OPc with its tag. */
	for (unsigned i = 0; i < out.sealed.len; i++) {
		struct sealed_key bad = out.sealed;

		bad.at[i] ^= 0x40;
		ck_assert_msg(ask(KEY_CHECK_SEALED, &bad, &value) != FINE, "byte %u", i);
	}
	out.sealed.len--;
	ck_assert_int_eq(ask(KEY_CHECK_SEALED, &out.sealed, &value), INVALID_PARAMETER);
	key_world_end();
}
END_TEST

START_TEST(test_ek_between_operators)
{
	struct se se;
	uint8_t scalar[32], point[65], opened[32];
	struct key_ek_for_peer sent;
	struct key_ek_outputs out;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	struct key_found ecka = find_key(KEY_USE_ECKA), recipient = find_key(KEY_USE_RECIPIENT);
	struct key_agree_ek_for_peer_in in = { .dimsi = DIMSI };

	make_ek(&se, &ecka);
	ck_assert_int_eq(p256_generate(scalar, point), FINE);
	memcpy(in.key_id, ecka.key_id, 32);
	memcpy(in.se_public_key, se.point, 65);
	memcpy(in.recipient, point, 65);
	ck_assert_int_eq(ask(KEY_AGREE_EK_FOR_PEER, &in, &sent), FINE);
	ck_assert_int_eq(ecies_p256_open(scalar, BYTES(sent.ephemeral), BYTES(sent.ciphertext),
				 BYTES(sent.mac), opened),
		FINE);
	ck_assert_mem_eq(opened, se.ek, 32);

	struct key_open_ek_from_peer_in open = { .dimsi = DIMSI, .imsi = IMSI };

	memcpy(open.key_id, recipient.key_id, 32);
	ck_assert_int_eq(ecies_p256_seal(BYTES(recipient.public_key), BYTES(se.ek),
				 open.ek.ephemeral, open.ek.ciphertext, open.ek.mac),
		FINE);
	ck_assert_int_eq(ask(KEY_OPEN_EK_FROM_PEER, &open, &out), FINE);
	check_outputs(&se, &out);
	open.ek.mac[31] ^= 1;
	ck_assert_int_eq(ask(KEY_OPEN_EK_FROM_PEER, &open, &out), MAC_INVALID);
	key_world_end();
}
END_TEST

static void check_signature(
	const struct key_found *key, const uint8_t leaf[32], const struct key_signature *s)
{
	uint8_t root[32], text[BATCH_SIGNED_LEN], digest[32];
	struct bytes part = BYTES(text);

	ck_assert_int_eq(merkle_root_from_path(
				 leaf, s->leaf_index, s->tree_size, s->path, s->path_count, root),
		FINE);
	ck_assert_int_eq(batch_signed_string(root, s->tree_size, text), FINE);
	ck_assert_int_eq(sha256(&part, 1, digest), FINE);
	ck_assert_int_eq(p256_verify(BYTES(key->public_key), digest, s->signature), FINE);
}

START_TEST(test_sign_trees_of_every_size)
{
	static struct key_request requests[64];
	static struct key_sign_in in[64];
	static struct key_signature out[64];

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	struct key_found key = find_key(KEY_USE_SIGN);

	for (unsigned size = 1; size <= 64; size++) {
		unsigned before = world.ended;

		for (unsigned i = 0; i < size; i++) {
			memset(in[i].leaf, (int)(size + i), 32);
			memcpy(in[i].key_id, key.key_id, 32);
			submit(&requests[i], KEY_SIGN, &in[i], &out[i]);
		}
		run_until_ended(before + size);
		for (unsigned i = 0; i < size; i++) {
			ck_assert_uint_eq(out[i].tree_size, size);
			check_signature(&key, in[i].leaf, &out[i]);
		}
	}
	ck_assert_uint_eq(world.fine, world.ended);
	key_world_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_agree_ek,
		test_sealed_is_tampered_with,
		test_ek_between_operators,
		test_sign_trees_of_every_size,
	};

	softhsm_world_or_skip(&world.token);
	int status = suite_run("hsm operations", tests, sizeof(tests) / sizeof(tests[0]));

	softhsm_world_remove(&world.token);
	return status;
}
