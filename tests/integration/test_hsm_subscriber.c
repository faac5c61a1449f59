/*
 * Subscribers' existing keys through the client, on a real SoftHSM token: as a file brings them, and encrypted under a
 * transport key that is on the token.
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/imsi.h"
#include "crypto/aes.h"
#include "crypto/milenage.h"
#include "tests/integration/key_world.h"
#include "tests/unit/suite.h"

#define TRANSPORT "operator transport 1"

static const char transport_key[] = "0123456789abcdef0123456789abcdef";

struct subscriber {
	uint8_t k[32], op[16], opc[16];
};

static void make_subscriber(struct subscriber *s, size_t k_len)
{
	ck_assert_int_eq(RAND_bytes(s->k, sizeof(s->k)), 1);
	ck_assert_int_eq(RAND_bytes(s->op, sizeof(s->op)), 1);
	ck_assert_int_eq(milenage_opc(bytes_of(s->k, k_len), s->op, s->opc), FINE);
}

static struct key_seal_subscriber_in plain_row(
	const struct subscriber *s, uint8_t k_len, bool is_op)
{
	struct key_seal_subscriber_in in = { .k_len = k_len, .is_op = is_op };

	memcpy(in.k, s->k, k_len);
	memcpy(in.opc, is_op ? s->op : s->opc, 16);
	return in;
}

static struct key_seal_subscriber_in wrapped_row(
	const struct subscriber *s, uint8_t k_len, bool is_op)
{
	struct key_seal_subscriber_in in = plain_row(s, k_len, is_op);

	in.is_wrapped = true;
	memcpy(in.transport_key, TRANSPORT, sizeof(TRANSPORT));
	ck_assert_int_eq(
		aes_kw_wrap(bytes_of_text(transport_key), bytes_of(s->k, k_len), in.k), FINE);
	return in;
}

static void check_kcv(const struct sealed_key *sealed, struct bytes k)
{
	static const uint8_t zeros[16];
	struct key_check_value value;
	uint8_t kcv[16];

	ck_assert_int_eq(ask(KEY_CHECK_SEALED, sealed, &value), FINE);
	ck_assert_int_eq(aes_ecb_encrypt(k, zeros, kcv), FINE);
	ck_assert_mem_eq(value.kcv, kcv, 3);
}

START_TEST(test_plain_and_wrapped_rows)
{
	struct subscriber s;
	struct sealed_key sealed;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	for (unsigned i = 0; i < 4; i++) {
		bool is_wrapped = i / 2 == 1, is_op = i % 2 == 1;

		make_subscriber(&s, 16);
		struct key_seal_subscriber_in in =
			is_wrapped ? wrapped_row(&s, 16, is_op) : plain_row(&s, 16, is_op);

		ck_assert_int_eq(ask(KEY_SEAL_SUBSCRIBER, &in, &sealed), FINE);
		ck_assert_uint_eq(sealed.len, 4 + 40 + 24 + 24);
		check_sealed_pair(&sealed, s.k, s.opc);
		make_subscriber(&s, 32);
		in = is_wrapped ? wrapped_row(&s, 32, is_op) : plain_row(&s, 32, is_op);
		ck_assert_int_eq(ask(KEY_SEAL_SUBSCRIBER, &in, &sealed), FINE);
		ck_assert_uint_eq(sealed.len, SEALED_MAX);
		check_kcv(&sealed, BYTES(s.k));
	}
	key_world_end();
}
END_TEST

/* Batches of one import share a data key: its wrapped form is the same in all that it sealed. */
START_TEST(test_a_data_key_serves_many_batches)
{
	enum { COUNT = 128, ROUNDS = 33 }; /* 4224 rows: one data key is not enough */
	static struct subscriber subscribers[COUNT];
	static struct key_seal_subscriber_in in[COUNT];
	static struct sealed_key out[COUNT];
	static enum outcome outcomes[COUNT];
	uint8_t data_key[40] = { 0 };
	unsigned changes = 0;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	for (unsigned i = 0; i < COUNT; i++) {
		make_subscriber(&subscribers[i], 16);
		in[i] = i % 3 == 0 ? wrapped_row(&subscribers[i], 16, false)
				   : plain_row(&subscribers[i], 16, false);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		ask_together(KEY_SEAL_SUBSCRIBER, COUNT, in, out, outcomes);
		for (unsigned i = 0; i < COUNT; i++) {
			ck_assert_int_eq(outcomes[i], FINE);
			if (memcmp(data_key, out[i].at + 4, sizeof(data_key)) == 0)
				continue;
			memcpy(data_key, out[i].at + 4, sizeof(data_key));
			changes++;
		}
	}
	ck_assert_uint_ge(changes, 2);
	ck_assert_uint_le(changes, 6); /* where 10 seconds went by, some more */
	for (unsigned i = 0; i < COUNT; i += 7)
		check_sealed_pair(&out[i], subscribers[i].k, subscribers[i].opc);
	key_world_end();
}
END_TEST

static void expect(const struct key_seal_subscriber_in *in, enum outcome expected, const char *what)
{
	struct sealed_key out;
	enum outcome o = ask(KEY_SEAL_SUBSCRIBER, in, &out);

	ck_assert_msg(o == expected, "%s: %s", what, outcome_name(o));
}

START_TEST(test_rows_that_are_refused)
{
	static const uint8_t long_k[24], other_key[32] = { 1 };
	struct subscriber s;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	make_subscriber(&s, 32);
	const struct key_seal_subscriber_in plain = plain_row(&s, 16, false),
					    wrapped = wrapped_row(&s, 32, false);
	struct key_seal_subscriber_in in = plain;

	for (unsigned len = 0; len < 256; len++) {
		in.k_len = (uint8_t)len;
		if (len != 16 && len != 32)
			expect(&in, INVALID_PARAMETER, "K of another length");
	}
	in = plain;
	memset(&in.is_op, 2, 1);
	expect(&in, INVALID_PARAMETER, "a flag that is neither");
	in = wrapped;
	for (unsigned i = 0; i < sizeof(in.k); i++) {
		in.k[i] ^= 0x10;
		expect(&in, MAC_INVALID, "a wrapped K that was changed");
		in.k[i] ^= 0x10;
	}
	ck_assert_int_eq(aes_kw_wrap(BYTES(other_key), BYTES(s.k), in.k), FINE);
	expect(&in, MAC_INVALID, "wrapped by another key");
	in = wrapped_row(&s, 16, false);
	in.k_len = 32;
	expect(&in, MAC_INVALID, "shorter than it says");
	in = wrapped;
	in.k_len = 16;
	expect(&in, MAC_INVALID, "longer than it says");
	ck_assert_int_eq(aes_kw_wrap(bytes_of_text(transport_key), BYTES(long_k), in.k), FINE);
	expect(&in, MAC_INVALID, "of 24 bytes");
	in = wrapped;
	in.transport_key[0] ^= 1;
	expect(&in, RESOURCE_NOT_FOUND, "no such transport key");
	memset(in.transport_key, 'x', sizeof(in.transport_key));
	expect(&in, RESOURCE_NOT_FOUND, "a label without an end");
	in.transport_key[0] = '\0';
	expect(&in, RESOURCE_NOT_FOUND, "no label");
	snprintf(in.transport_key, sizeof(in.transport_key), "arpf.kek.1");
	expect(&in, RESOURCE_NOT_FOUND, "the server's own KEK");
	expect(&wrapped, FINE, "the row as it was made");
	key_world_end();
}
END_TEST

#define COUNT 64

static void check_makes_vectors(const struct sealed_key *sealed)
{
	struct key_make_vector_in in = { .sealed = *sealed, .sqn = 32 };
	struct key_vector vector;

	in.serving_network = text_of("5G:mnc001.mcc001.3gppnetwork.org");
	ck_assert_uint_eq(sealed->len, 4 + 40 + 24 + 24); /* K of 16 bytes */
	ck_assert_int_eq(ask(KEY_MAKE_VECTOR, &in, &vector), FINE);
}

START_TEST(test_new_subscribers)
{
	static struct key_make_subscriber_in in[COUNT];
	static struct sealed_key sealed[COUNT];
	static struct key_check_value values[COUNT];
	static const struct sealed_key nothing;
	enum outcome outcomes[COUNT];
	unsigned same = 0;

	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	for (unsigned i = 0; i < COUNT; i++)
		in[i].imsi = i % 9 == 4 ? IMSI_LIMIT + i : UINT64_C(1010000000042) + i;
	ask_together(KEY_MAKE_SUBSCRIBER, COUNT, in, sealed, outcomes);
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_int_eq(outcomes[i], i % 9 == 4 ? INVALID_PARAMETER : FINE);
		if (outcomes[i] == FINE)
			check_makes_vectors(&sealed[i]);
		else
			ck_assert_mem_eq(&sealed[i], &nothing, sizeof(nothing));
	}
	ask_together(KEY_CHECK_SEALED, COUNT, sealed, values, outcomes);
	for (unsigned i = 0; i < COUNT; i++)
		for (unsigned j = 0; j < i; j++)
			same += i % 9 != 4 && j % 9 != 4 &&
						memcmp(&values[i], &values[j], sizeof(values[i])) ==
							0
					? 1
					: 0;
	ck_assert_uint_le(same, 1); /* of 3 bytes each: one pair may meet, two hardly */
	key_world_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_plain_and_wrapped_rows,
		test_a_data_key_serves_many_batches,
		test_rows_that_are_refused,
		test_new_subscribers,
	};

	softhsm_world_or_skip(&world.token);
	int status = EXIT_FAILURE;

	if (import_aes(TRANSPORT, transport_key))
		status = suite_run("hsm subscriber", tests, sizeof(tests) / sizeof(tests[0]));
	else
		fputs("softhsm2-util imports no AES key\n", stderr);
	softhsm_world_remove(&world.token);
	return status;
}
