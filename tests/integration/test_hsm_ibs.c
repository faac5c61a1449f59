/* Identity-based batch signatures (RFC 6507) by arpf-keyd, with identities that its own KMS issues. */
#include <stdio.h>

#include "crypto/eccsi.h"
#include "tests/integration/key_world.h"
#include "tests/unit/suite.h"

static char *member(const json_t *answer, const char *name)
{
	const char *text = json_string_value(json_object_get(answer, name));

	ck_assert_msg(text != NULL, "%s", name);
	return (char *)(uintptr_t)text;
}

static void read_member(const json_t *answer, const char *name, uint8_t *out, size_t len)
{
	const char *text = member(answer, name);
	uint8_t room[256];
	size_t got;

	ck_assert_uint_le(strlen(text), 128);
	ck_assert(base64_read(text, strlen(text), room, &got));
	ck_assert_uint_eq(got, len);
	memcpy(out, room, len);
}

static json_t *make_kms(void)
{
	json_t *kms =
		softhsm_world_keyd(&world.token, (const char *const[]){ "ibs", "kms-init", NULL });

	ck_assert_ptr_nonnull(kms);
	return kms;
}

/* NULL where it is refused. */
static json_t *issue(
	const char *id, const char *kpak, const char *wrapped_ksak, const char *generation)
{
	return softhsm_world_keyd(&world.token,
		(const char *const[]){ "ibs", "issue", id, kpak, wrapped_ksak, generation, NULL });
}

static void make_identity(const json_t *kms, const char *id, struct ibs_identity *identity)
{
	json_t *issued = issue(id, member(kms, "kpak"), member(kms, "wrappedKsak"), "1");

	ck_assert_ptr_nonnull(issued);
	*identity = (struct ibs_identity){ .id_len = (uint16_t)strlen(id) };
	memcpy(identity->id, id, identity->id_len);
	identity->kek_generation =
		(uint16_t)json_integer_value(json_object_get(issued, "kekGeneration"));
	ck_assert_str_eq(member(issued, "id"), id);
	read_member(kms, "kpak", identity->kpak, sizeof(identity->kpak));
	read_member(issued, "pvt", identity->pvt, sizeof(identity->pvt));
	read_member(issued, "wrappedSsk", identity->wrapped_ssk, sizeof(identity->wrapped_ssk));
	json_decref(issued);
}

static void check_signature(const struct ibs_identity *identity, const uint8_t leaf[32],
	const struct key_ibs_signature *s)
{
	uint8_t root[32], text[BATCH_SIGNED_LEN];

	ck_assert_int_eq(merkle_root_from_path(
				 leaf, s->leaf_index, s->tree_size, s->path, s->path_count, root),
		FINE);
	ck_assert_int_eq(batch_signed_string(root, s->tree_size, text), FINE);
	ck_assert_int_eq(eccsi_verify(identity->kpak, bytes_of(identity->id, identity->id_len),
				 BYTES(text), s->signature),
		FINE);
	text[0] ^= 1;
	ck_assert_int_eq(eccsi_verify(identity->kpak, bytes_of(identity->id, identity->id_len),
				 BYTES(text), s->signature),
		SIGNATURE_INVALID);
	ck_assert_mem_eq(s->signature + 64, identity->pvt, sizeof(identity->pvt));
}

START_TEST(test_trees_of_every_size)
{
	enum { MOST = 64 };
	static struct key_sign_ibs_in in[MOST];
	static struct key_ibs_signature out[MOST];
	static enum outcome outcomes[MOST];
	json_t *kms = make_kms();
	struct ibs_identity identity;

	make_identity(kms, "2026-01 arpf.example.org", &identity);
	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	for (unsigned size = 1; size <= MOST; size += size < 9 ? 1 : 11) {
		for (unsigned i = 0; i < size; i++) {
			in[i].identity = identity;
			memset(in[i].leaf, (int)(size + i), 32);
		}
		ask_together(KEY_SIGN_IBS, size, in, out, outcomes);
		for (unsigned i = 0; i < size; i++) {
			ck_assert_int_eq(outcomes[i], FINE);
			ck_assert_uint_eq(out[i].tree_size, size);
			check_signature(&identity, in[i].leaf, &out[i]);
		}
	}
	key_world_end();
	json_decref(kms);
}
END_TEST

/* Two KMSs and three identities in one batch: a tree for each run of the same one. */
START_TEST(test_identities_are_not_mixed)
{
	enum { COUNT = 12 };
	static struct key_sign_ibs_in in[COUNT];
	static struct key_ibs_signature out[COUNT];
	static enum outcome outcomes[COUNT];
	json_t *kms = make_kms(), *other = make_kms();
	struct ibs_identity identities[3];

	make_identity(kms, "2026-01 arpf.example.org", &identities[0]);
	make_identity(kms, "2026-02 arpf.example.org", &identities[1]);
	make_identity(other, "2026-02 arpf.example.org", &identities[2]);
	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	for (unsigned i = 0; i < COUNT; i++) {
		in[i].identity = identities[i / 4];
		memset(in[i].leaf, (int)i, 32);
	}
	ask_together(KEY_SIGN_IBS, COUNT, in, out, outcomes);
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_int_eq(outcomes[i], FINE);
		ck_assert_uint_eq(out[i].tree_size, 4);
		check_signature(&identities[i / 4], in[i].leaf, &out[i]);
	}
	key_world_end();
	json_decref(kms);
	json_decref(other);
}
END_TEST

static void expect(const struct key_sign_ibs_in *in, enum outcome expected, const char *what)
{
	struct key_ibs_signature out;
	enum outcome o = ask(KEY_SIGN_IBS, in, &out);

	ck_assert_msg(o == expected, "%s: %s", what, outcome_name(o));
}

START_TEST(test_identities_that_are_refused)
{
	json_t *kms = make_kms();
	struct key_sign_ibs_in good = { .leaf = { 1 } }, in;

	make_identity(kms, "2026-01 arpf.example.org", &good.identity);
	key_world_begin(1, 0, world.token.keyd);
	run_until_ready();
	in = good;
	in.identity.id_len = 0;
	expect(&in, INVALID_PARAMETER, "no ID");
	in.identity.id_len = IBS_ID_MAX + 1;
	expect(&in, INVALID_PARAMETER, "an ID longer than its room");
	in = good;
	in.identity.kek_generation = 999;
	expect(&in, INVALID_PARAMETER, "a KEK that there is not");
	in = good;
	in.identity.kpak[64] ^= 1;
	expect(&in, INVALID_PARAMETER, "a KPAK off the curve");
	in = good;
	in.identity.pvt[64] ^= 1;
	expect(&in, INVALID_PARAMETER, "a PVT off the curve");
	in = good;
	for (unsigned i = 0; i < IBS_WRAPPED_LEN; i++) {
		in.identity.wrapped_ssk[i] ^= 0x04;
		expect(&in, HSM_UNAVAILABLE, "an SSK that was changed");
		in.identity.wrapped_ssk[i] ^= 0x04;
	}
	expect(&good, FINE, "the identity as it was issued");
	key_world_end();
	json_decref(kms);
}
END_TEST

START_TEST(test_commands_used_wrongly)
{
	json_t *kms = make_kms(), *other = make_kms();
	const char *kpak = member(kms, "kpak"), *ksak = member(kms, "wrappedKsak");
	char long_id[IBS_ID_MAX + 2] = { 0 }, changed[64];

	memset(long_id, 'x', IBS_ID_MAX + 1);
	snprintf(changed, sizeof(changed), "%s", ksak);
	changed[8] = changed[8] == 'A' ? 'B' : 'A';
	ck_assert_ptr_null(issue("", kpak, ksak, "1"));
	ck_assert_ptr_null(issue(long_id, kpak, ksak, "1"));
	ck_assert_ptr_null(issue("id", member(other, "kpak"), ksak, "1"));
	ck_assert_ptr_null(issue("id", ksak, kpak, "1"));
	ck_assert_ptr_null(issue("id", kpak, changed, "1"));
	ck_assert_ptr_null(issue("id", kpak, "", "1"));
	ck_assert_ptr_null(issue("id", kpak, ksak, "0"));
	ck_assert_ptr_null(issue("id", kpak, ksak, "9"));
	ck_assert_ptr_null(issue("id", kpak, ksak, "1x"));
	ck_assert_ptr_null(issue("id", kpak, ksak, ""));
	long_id[IBS_ID_MAX] = '\0';
	json_t *issued = issue(long_id, kpak, ksak, "1");

	ck_assert_ptr_nonnull(issued);
	json_decref(issued);
	json_decref(kms);
	json_decref(other);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_trees_of_every_size,
		test_identities_are_not_mixed,
		test_identities_that_are_refused,
		test_commands_used_wrongly,
	};

	softhsm_world_or_skip(&world.token);
	int status = suite_run("hsm ibs", tests, sizeof(tests) / sizeof(tests[0]));

	softhsm_world_remove(&world.token);
	return status;
}
