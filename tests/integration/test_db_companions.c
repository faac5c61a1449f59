/* Companion sessions and Access IDs against a real PostgreSQL. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/integration/db_case.h"

#define I        262010000000000 /* IMSIs begin here */
#define OWNER    262010000009999
#define MANY     DB_WORLD_MANY
#define LIFETIME 600

static struct db_session_in session(const char *akid, int64_t imsi, const char *kept)
{
	return (struct db_session_in){ { akid, strlen(akid) }, imsi, bytes_of(kept, strlen(kept)),
		LIFETIME };
}

static enum outcome put(const char *akid, int64_t imsi, const char *kept)
{
	struct db_session_in in = session(akid, imsi, kept);

	return db_world_ask(&w, DB_PUT_SESSION, &in, NULL);
}

static enum outcome find(const char *akid, struct db_session *s)
{
	struct db_akid key = { { akid, strlen(akid) } };

	memset(s, 0xee, sizeof(*s));
	return db_world_ask(&w, DB_FIND_SESSION, &key, s);
}

/* Whose it is; 0: nobody's. */
static int64_t whose(const char *akid)
{
	struct db_session s;
	enum outcome outcome = find(akid, &s);

	ck_assert(outcome == FINE || outcome == NO_ROW);
	return outcome == FINE ? s.imsi : 0;
}

START_TEST(a_session_is_found_until_it_ends)
{
	struct db_session s;
	struct db_imsi key = { I };
	int64_t now = clock_unix();

	ck_assert_int_eq(find("a@home", &s), NO_ROW);
	ck_assert_int_eq(db_world_ask(&w, DB_REMOVE_SESSION, &key, NULL), NO_ROW);
	ck_assert_int_eq(put("a@home", I, "secret"), FINE);
	ck_assert_int_eq(find("a@home", &s), FINE);
	ck_assert_int_eq(s.imsi, I);
	ck_assert(!s.is_expired);
	ck_assert_int_ge(s.expires_at, now + LIFETIME - 2);
	ck_assert_int_le(s.expires_at, clock_unix() + LIFETIME + 1);
	ck_assert_uint_eq(s.kept.len, 6);
	ck_assert_mem_eq(s.kept.at, "secret", 6);
	run("UPDATE companion_sessions SET expires_at = floor(extract(epoch FROM now()))");
	ck_assert_int_eq(find("a@home", &s), FINE);
	ck_assert(s.is_expired);
	ck_assert_uint_eq(s.kept.len, 0);
	ck_assert_int_eq(db_world_ask(&w, DB_REMOVE_SESSION, &key, NULL), FINE);
	ck_assert_int_eq(find("a@home", &s), NO_ROW);
}
END_TEST

START_TEST(a_subscriber_has_one_session)
{
	struct db_session s;

	ck_assert_int_eq(put("a", I, "one"), FINE);
	ck_assert_int_eq(put("b", I, "two"), FINE);
	ck_assert_int_eq(whose("a"), 0);
	ck_assert_int_eq(whose("b"), I);
	ck_assert_int_eq(put("b", I, "three"), FINE);
	ck_assert_int_eq(find("b", &s), FINE);
	ck_assert_mem_eq(s.kept.at, "three", 5);
	/* An A-KID that comes to another is no longer the first one's. */
	ck_assert_int_eq(put("c", I + 1, "four"), FINE);
	ck_assert_int_eq(put("b", I + 1, "five"), FINE);
	ck_assert_int_eq(whose("b"), I + 1);
	ck_assert_int_eq(whose("c"), 0);
	ck_assert_int_eq(number("SELECT count(*) FROM companion_sessions"), 1);
}
END_TEST

/* A batch does what its requests would have done one after the other. */
START_TEST(a_batch_of_sessions_is_as_if_one_by_one)
{
	static struct db_session_in rows[MANY];
	enum outcome outcomes[MANY];
	char akids[20][2];
	int64_t expected[20] = { 0 };
	uint64_t x = 88172645463325252u;

	for (int i = 0; i < 20; i++) {
		snprintf(akids[i], sizeof(akids[i]), "%c", 'a' + i);
		ck_assert_int_eq(put(akids[i], I + i, "old"), FINE);
		expected[i] = I + i;
	}
	for (unsigned n = 0; n < 40; n++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		unsigned akid = (unsigned)(x >> 33) % 20, imsi = (unsigned)(x >> 45) % 20;

		for (int i = 0; i < 20; i++)
			if (expected[i] == I + imsi)
				expected[i] = 0;
		expected[akid] = I + imsi;
		rows[n] = session(akids[akid], I + imsi, "new");
	}
	for (int round = 0; round < 2; round++) {
		db_world_ask_many(&w, DB_PUT_SESSION, 40, rows, sizeof(rows[0]), NULL, 0, outcomes);
		for (unsigned n = 0; n < 40; n++)
			ck_assert_int_eq(outcomes[n], FINE);
		for (int i = 0; i < 20; i++)
			ck_assert_int_eq(whose(akids[i]), expected[i]);
	}
}
END_TEST

static struct db_access_in access_in(uint8_t id, const char *b, int64_t imsi)
{
	struct db_access_in in = {
		.imsi = imsi,
		.owner = OWNER,
		.device_id = { "meter-1", 7 },
		.b = bytes_of(b, strlen(b)),
		.kdm = bytes_of("kdm", 3),
		.sealed = bytes_of("sealed", 6),
		.confirmation_s = LIFETIME,
	};

	memset(in.access_id, id, sizeof(in.access_id));
	return in;
}

static enum outcome add(uint8_t id, const char *b, int64_t imsi)
{
	struct db_access_in in = access_in(id, b, imsi);

	return db_world_ask(&w, DB_ADD_ACCESS_ID, &in, NULL);
}

static struct db_access look(uint8_t id)
{
	struct db_access a;
	struct db_access_id key;

	memset(&a, 0xee, sizeof(a));
	memset(key.access_id, id, sizeof(key.access_id));
	ck_assert_int_eq(db_world_ask(&w, DB_FIND_ACCESS_ID, &key, &a), FINE);
	return a;
}

static enum outcome confirm(uint8_t id, int64_t imsi)
{
	struct db_confirm_in in = { .imsi = imsi };

	memset(in.access_id, id, sizeof(in.access_id));
	return db_world_ask(&w, DB_CONFIRM_ACCESS_ID, &in, NULL);
}

static enum outcome wrong_mac(uint8_t id, struct db_access *a)
{
	struct db_wrong_mac_in in = { .most = 3 };

	memset(in.access_id, id, sizeof(in.access_id));
	memset(a, 0xee, sizeof(*a));
	return db_world_ask(&w, DB_COUNT_WRONG_MAC, &in, a);
}

static struct db_credential credential(int64_t imsi)
{
	struct db_credential c;

	ck_assert_int_eq(db_world_ask(&w, DB_FIND_CREDENTIAL, &(struct db_imsi){ imsi }, &c), FINE);
	return c;
}

START_TEST(an_access_id_waits_for_its_confirmation)
{
	struct db_access_id key = { { 0 } };
	struct db_access a;
	int64_t now = clock_unix();

	ck_assert_int_eq(db_world_ask(&w, DB_FIND_ACCESS_ID, &key, &a), NO_ROW);
	ck_assert_int_eq(add(1, "element", 0), FINE);
	a = look(1);
	ck_assert_uint_eq(a.access_id[15], 1);
	ck_assert_int_eq(a.imsi, 0);
	ck_assert_int_eq(a.owner, OWNER);
	ck_assert_int_eq(a.state, ACCESS_PENDING);
	ck_assert_int_eq(a.tries, 0);
	ck_assert_int_eq(a.kind, CREDENTIAL_COMPANION);
	ck_assert_int_ge(a.created_at, now - 2);
	ck_assert_int_eq(a.expires_at, a.created_at + LIFETIME);
	ck_assert_str_eq(a.device_id, "meter-1");
	ck_assert_uint_eq(a.b.len, 7);
	ck_assert_mem_eq(a.b.at, "element", 7);
	ck_assert_uint_eq(a.kdm.len, 3);
	ck_assert_int_eq(confirm(1, I), FINE);
	a = look(1);
	ck_assert_int_eq(a.imsi, I);
	ck_assert_int_eq(a.state, ACCESS_CONFIRMED);
	ck_assert_uint_eq(a.kdm.len, 3);
	ck_assert_int_eq(number("SELECT length(sealed) FROM access_ids"), 0);
	struct db_credential c = credential(I);
	ck_assert_int_eq(c.kind, CREDENTIAL_COMPANION);
	ck_assert_int_eq(c.owner, OWNER);
	ck_assert_int_eq(c.state, CREDENTIAL_IS_ACTIVE);
	ck_assert_int_eq(c.sqn, 0);
	ck_assert_uint_eq(c.sealed.len, 6);
	ck_assert_int_eq(
		db_world_ask(&w, DB_FIND_ACCESS_ID_BY_IMSI, &(struct db_imsi){ I }, &a), FINE);
	ck_assert_uint_eq(a.access_id[0], 1);
	ck_assert_int_eq(
		db_world_ask(&w, DB_FIND_ACCESS_ID_BY_IMSI, &(struct db_imsi){ 0 }, &a), NO_ROW);
}
END_TEST

START_TEST(a_confirmation_counts_once)
{
	ck_assert_int_eq(confirm(1, I), NO_ROW);
	ck_assert_int_eq(add(1, "b", 0), FINE);
	ck_assert_int_eq(add(2, "b", 0), FINE);
	ck_assert_int_eq(confirm(1, 0), NO_ROW);
	ck_assert_int_eq(confirm(1, I), FINE);
	ck_assert_int_eq(confirm(1, I), FINE);
	ck_assert_int_eq(confirm(1, I + 1), NO_ROW);
	/* A taken IMSI leaves everything as it was. */
	ck_assert_int_eq(confirm(2, I), CONFLICT);
	ck_assert_int_eq(look(2).state, ACCESS_PENDING);
	ck_assert_int_eq(look(2).imsi, 0);
	run("UPDATE access_ids SET expires_at = floor(extract(epoch FROM now())) WHERE state = 0");
	ck_assert_int_eq(look(2).state, ACCESS_EXPIRED);
	ck_assert_uint_eq(look(2).kdm.len, 0);
	ck_assert_int_eq(confirm(2, I + 1), NO_ROW);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), 1);
}
END_TEST

START_TEST(an_access_id_that_is_there_is_left_alone)
{
	struct db_access_in rows[2] = { access_in(9, "b", 0), access_in(9, "c", 0) };
	enum outcome outcomes[2];
	struct db_access a;

	ck_assert_int_eq(add(1, "b", 0), FINE);
	ck_assert_int_eq(wrong_mac(1, &a), FINE);
	ck_assert_int_eq(add(1, "c", 0), NO_ROW);
	ck_assert_int_eq(look(1).tries, 1);
	ck_assert_mem_eq(look(1).b.at, "b", 1);
	/* To the letter: an answer was lost. */
	ck_assert_int_eq(add(1, "b", 0), FINE);
	ck_assert_int_eq(confirm(1, I), FINE);
	ck_assert_int_eq(add(1, "b", 0), NO_ROW);
	ck_assert_int_eq(add(1, "c", 0), NO_ROW);
	ck_assert_int_eq(look(1).imsi, I);
	run("UPDATE access_ids SET state = 2");
	ck_assert_int_eq(add(1, "c", 0), NO_ROW);
	ck_assert_int_eq(add(1, "b", 0), NO_ROW);
	/* What has expired or was released begins anew. */
	for (int i = 0; i < 3; i++) {
		run(i == 0       ? "UPDATE access_ids SET state = 3, tries = 2, imsi = 7"
			: i == 1 ? "UPDATE access_ids SET state = 4, tries = 2, imsi = 7"
				 : "UPDATE access_ids SET expires_at = floor(extract(epoch FROM "
				   "now()))");
		ck_assert_int_eq(add(1, i == 0 ? "d" : i == 1 ? "e" : "f", 0), FINE);
		a = look(1);
		ck_assert_int_eq(a.state, ACCESS_PENDING);
		ck_assert_int_eq(a.imsi, 0);
		ck_assert_int_eq(a.tries, 0);
		ck_assert_int_eq(a.b.at[0], 'd' + i);
		ck_assert_int_gt(a.expires_at, a.created_at);
	}
	db_world_ask_many(&w, DB_ADD_ACCESS_ID, 2, rows, sizeof(rows[0]), NULL, 0, outcomes);
	ck_assert_int_eq(outcomes[0], FINE);
	ck_assert_int_eq(outcomes[1], NO_ROW);
	ck_assert_mem_eq(look(9).b.at, "b", 1);
}
END_TEST

START_TEST(with_an_imsi_it_is_confirmed_at_once)
{
	ck_assert_int_eq(add(1, "b", I), FINE);
	ck_assert_int_eq(look(1).state, ACCESS_CONFIRMED);
	ck_assert_uint_eq(look(1).kdm.len, 3);
	ck_assert_int_eq(number("SELECT length(sealed) FROM access_ids"), 0);
	ck_assert_int_eq(credential(I).kind, CREDENTIAL_COMPANION);
	ck_assert_uint_eq(credential(I).sealed.len, 6);
	ck_assert_int_eq(add(1, "b", I), FINE);
	ck_assert_int_eq(add(1, "c", I + 1), NO_ROW);
	ck_assert_int_eq(confirm(1, I), FINE);
	/* A taken IMSI leaves nothing behind. */
	ck_assert_int_eq(add(2, "b", I), CONFLICT);
	ck_assert_int_eq(number("SELECT count(*) FROM access_ids"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM credentials"), 1);
	/* Also where it would be written over; the credential is another's all the same. */
	ck_assert_int_eq(add(3, "b", 0), FINE);
	run("UPDATE access_ids SET state = 3 WHERE state = 0");
	run("UPDATE credentials SET sealed = 'other'");
	ck_assert_int_eq(add(3, "b", I), CONFLICT);
	ck_assert_int_eq(look(3).state, ACCESS_EXPIRED);
	ck_assert_int_eq(add(3, "b", I + 1), FINE);
}
END_TEST

START_TEST(wrong_macs_revoke_what_is_pending)
{
	struct db_access a, answers[4];
	struct db_wrong_mac_in rows[4] = { { .most = 3 }, { .most = 3 }, { .most = 3 },
		{ .most = 3 } };
	enum outcome outcomes[4];

	ck_assert_int_eq(wrong_mac(1, &a), NO_ROW);
	ck_assert_int_eq(add(1, "b", 0), FINE);
	for (int i = 1; i <= 4; i++) {
		ck_assert_int_eq(wrong_mac(1, &a), FINE);
		ck_assert_int_eq(a.tries, i < 3 ? i : 3);
		ck_assert_int_eq(a.state, i < 3 ? ACCESS_PENDING : ACCESS_REVOKED);
		ck_assert_uint_eq(a.kdm.len, i < 3 ? 3 : 0);
	}
	ck_assert_int_eq(number("SELECT length(sealed) FROM access_ids"), 0);
	ck_assert_int_eq(confirm(1, I), NO_ROW);
	ck_assert_int_eq(add(2, "b", I), FINE);
	ck_assert_int_eq(wrong_mac(2, &a), FINE);
	ck_assert_int_eq(a.state, ACCESS_CONFIRMED);
	ck_assert_int_eq(a.tries, 0);
	ck_assert_int_eq(add(3, "b", 0), FINE);
	run("UPDATE access_ids SET expires_at = 1 WHERE state = 0");
	ck_assert_int_eq(wrong_mac(3, &a), FINE);
	ck_assert_int_eq(a.state, ACCESS_EXPIRED);
	ck_assert_int_eq(a.tries, 0);
	/* All tries of a batch count. */
	ck_assert_int_eq(add(4, "b", 0), FINE);
	for (int i = 0; i < 4; i++)
		memset(rows[i].access_id, i < 3 ? 4 : 5, 16);
	db_world_ask_many(&w, DB_COUNT_WRONG_MAC, 4, rows, sizeof(rows[0]), answers,
		sizeof(answers[0]), outcomes);
	ck_assert_int_eq(outcomes[2], FINE);
	ck_assert_int_eq(outcomes[3], NO_ROW);
	ck_assert_int_eq(look(4).state, ACCESS_REVOKED);
	ck_assert_int_eq(answers[2].state, ACCESS_REVOKED);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_session_is_found_until_it_ends,
		a_subscriber_has_one_session,
		a_batch_of_sessions_is_as_if_one_by_one,
		an_access_id_waits_for_its_confirmation,
		a_confirmation_counts_once,
		an_access_id_that_is_there_is_left_alone,
		with_an_imsi_it_is_confirmed_at_once,
		wrong_macs_revoke_what_is_pending,
	};
	struct db_suite suite = {
		.name = "db_companions",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}
