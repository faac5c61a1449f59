/* Attaches with device credentials and restricted sessions against a real PostgreSQL. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/integration/db_case.h"

#define EID_1    "89049032000001000000000000000011"
#define EID_2    "89049032000001000000000000000022"
#define LIFETIME 60
#define SESSION  600

static struct db_text text(const char *s)
{
	return (struct db_text){ s, strlen(s) };
}

static struct db_attach_in attach_in(uint8_t id, const char *eid)
{
	struct db_attach_in in = {
		.eid = text(eid),
		.scalar = bytes_of("scalar", 6),
		.lifetime_s = LIFETIME,
	};

	memset(in.id, id, sizeof(in.id));
	memset(in.server_nonce, id + 1, sizeof(in.server_nonce));
	memset(in.device_nonce, id + 2, sizeof(in.device_nonce));
	memset(in.ephemeral, id + 3, sizeof(in.ephemeral));
	return in;
}

static enum outcome add(uint8_t id, const char *eid)
{
	struct db_attach_in in = attach_in(id, eid);

	return db_world_ask(&w, DB_ADD_ATTACH, &in, NULL);
}

static struct db_attach look(uint8_t id)
{
	struct db_exchange_id key;
	struct db_attach a;

	memset(&key, id, sizeof(key));
	memset(&a, 0xee, sizeof(a));
	ck_assert_int_eq(db_world_ask(&w, DB_FIND_ATTACH, &key, &a), FINE);
	return a;
}

static struct db_attach_end_in end_in(
	uint8_t id, const char *eid, bool is_accepted, uint8_t request, uint8_t session)
{
	struct db_attach_end_in in = {
		.is_accepted = is_accepted,
		.eid = text(eid),
		.expires_at = clock_unix() + SESSION,
	};

	memset(in.id, id, sizeof(in.id));
	memset(in.request_hash, request, sizeof(in.request_hash));
	memset(in.session_id, session, sizeof(in.session_id));
	return in;
}

static enum outcome accept_attach(uint8_t id, const char *eid, uint8_t request, uint8_t session)
{
	struct db_attach_end_in in = end_in(id, eid, true, request, session);

	return db_world_ask(&w, DB_END_ATTACH, &in, NULL);
}

static enum outcome refuse_attach(uint8_t id, const char *eid, uint8_t request)
{
	struct db_attach_end_in in = end_in(id, eid, false, request, 0);

	return db_world_ask(&w, DB_END_ATTACH, &in, NULL);
}

static enum outcome find_session(uint8_t id, struct db_pdu_session *s)
{
	struct db_exchange_id key;

	memset(&key, id, sizeof(key));
	memset(s, 0xee, sizeof(*s));
	return db_world_ask(&w, DB_FIND_PDU_SESSION, &key, s);
}

static bool is_live(uint8_t session)
{
	struct db_pdu_session s;

	return find_session(session, &s) == FINE && !s.is_over;
}

static enum outcome detach(uint8_t session)
{
	struct db_exchange_id key;

	memset(&key, session, sizeof(key));
	return db_world_ask(&w, DB_END_PDU_SESSION, &key, NULL);
}

static enum outcome put_session(uint8_t id, const char *subject, int64_t expires_at)
{
	struct db_pdu_session_in in = { .subject = text(subject), .expires_at = expires_at };

	memset(in.session_id, id, sizeof(in.session_id));
	return db_world_ask(&w, DB_ADD_PDU_SESSION, &in, NULL);
}

START_TEST(an_offer_is_found_until_it_is_over)
{
	struct db_exchange_id key = { { 9 } };
	struct db_attach a;

	ck_assert_int_eq(db_world_ask(&w, DB_FIND_ATTACH, &key, &a), NO_ROW);
	ck_assert_int_eq(add(1, EID_1), FINE);
	a = look(1);
	ck_assert_str_eq(a.eid, EID_1);
	ck_assert_int_eq(a.state, ATTACH_OFFERED);
	ck_assert_uint_eq(a.server_nonce[15], 2);
	ck_assert_uint_eq(a.device_nonce[15], 3);
	ck_assert_uint_eq(a.ephemeral[64], 4);
	ck_assert_uint_eq(a.scalar.len, 6);
	ck_assert_mem_eq(a.scalar.at, "scalar", 6);
	ck_assert(a.session_is_over);
	run("UPDATE device_attaches SET expires_at = floor(extract(epoch FROM now()))");
	a = look(1);
	ck_assert_int_eq(a.state, ATTACH_OVER);
	ck_assert_uint_eq(a.scalar.len, 0);
	ck_assert_int_eq(accept_attach(1, EID_1, 1, 1), NO_ROW);
	ck_assert_int_eq(refuse_attach(1, EID_1, 1), NO_ROW);
	ck_assert_int_eq(number("SELECT count(*) FROM pdu_sessions"), 0);
}
END_TEST

START_TEST(an_identifier_is_had_once)
{
	struct db_attach_in rows[2] = { attach_in(5, EID_1), attach_in(5, EID_1) };
	enum outcome outcomes[2];

	ck_assert_int_eq(add(1, EID_1), FINE);
	ck_assert_int_eq(add(1, EID_1), FINE); /* its answer was lost */
	ck_assert_int_eq(add(1, EID_2), NO_ROW);
	struct db_attach_in in = attach_in(1, EID_1);
	in.ephemeral[7]++;
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_ATTACH, &in, NULL), NO_ROW);
	ck_assert_uint_eq(look(1).ephemeral[7], 4);
	ck_assert_int_eq(refuse_attach(1, EID_1, 1), FINE);
	ck_assert_int_eq(add(1, EID_1), NO_ROW);
	rows[1].ephemeral[0]++;
	db_world_ask_many(&w, DB_ADD_ATTACH, 2, rows, sizeof(rows[0]), NULL, 0, outcomes);
	ck_assert_int_eq(outcomes[0], FINE);
	ck_assert_int_eq(outcomes[1], NO_ROW);
}
END_TEST

START_TEST(an_accepted_attach_has_a_session)
{
	int64_t now = clock_unix();
	struct db_pdu_session s;

	ck_assert_int_eq(add(1, EID_1), FINE);
	ck_assert_int_eq(find_session(7, &s), NO_ROW);
	ck_assert_int_eq(accept_attach(1, EID_2, 3, 7), NO_ROW); /* not its EID */
	ck_assert_int_eq(accept_attach(1, EID_1, 3, 7), FINE);
	struct db_attach a = look(1);
	ck_assert_int_eq(a.state, ATTACH_ACCEPTED);
	ck_assert_uint_eq(a.request_hash[31], 3);
	ck_assert_uint_eq(a.session_id[15], 7);
	ck_assert_int_ge(a.session_expires_at, now + SESSION);
	ck_assert(!a.session_is_over);
	ck_assert_uint_eq(a.scalar.len, 6); /* for the same request again */
	ck_assert_int_eq(find_session(7, &s), FINE);
	ck_assert_str_eq(s.subject, EID_1);
	ck_assert_int_ge(s.created_at, now - 2);
	ck_assert_int_eq(s.expires_at, a.session_expires_at);
	ck_assert(!s.is_over);
	/* The same again, its answer having been lost; and nothing else. */
	ck_assert_int_eq(accept_attach(1, EID_1, 3, 7), FINE);
	ck_assert_int_eq(accept_attach(1, EID_1, 4, 7), NO_ROW);
	ck_assert_int_eq(accept_attach(1, EID_1, 3, 8), NO_ROW);
	ck_assert_int_eq(refuse_attach(1, EID_1, 3), NO_ROW);
	run("UPDATE pdu_sessions SET expires_at = floor(extract(epoch FROM now()));"
	    "UPDATE device_attaches SET expires_at = floor(extract(epoch FROM now()))");
	ck_assert(!is_live(7));
	a = look(1);
	ck_assert_int_eq(a.state, ATTACH_ACCEPTED);
	ck_assert(a.session_is_over);
	ck_assert_uint_eq(a.scalar.len, 0);
}
END_TEST

START_TEST(a_refused_attach_is_over)
{
	ck_assert_int_eq(add(1, EID_1), FINE);
	ck_assert_int_eq(refuse_attach(1, EID_1, 3), FINE);
	struct db_attach a = look(1);
	ck_assert_int_eq(a.state, ATTACH_REFUSED);
	ck_assert_uint_eq(a.scalar.len, 0);
	ck_assert(a.session_is_over);
	ck_assert_int_eq(refuse_attach(1, EID_1, 3), FINE);
	ck_assert_int_eq(refuse_attach(1, EID_1, 4), NO_ROW);
	ck_assert_int_eq(accept_attach(1, EID_1, 3, 7), NO_ROW);
	ck_assert_int_eq(number("SELECT count(*) FROM pdu_sessions"), 0);
}
END_TEST

START_TEST(a_new_session_ends_the_one_before)
{
	struct db_attach_end_in rows[3] = { end_in(3, EID_1, true, 1, 33),
		end_in(4, EID_1, true, 1, 44), end_in(5, EID_2, true, 1, 55) };
	enum outcome outcomes[3];

	for (uint8_t id = 1; id <= 5; id++)
		ck_assert_int_eq(add(id, id == 5 ? EID_2 : EID_1), FINE);
	ck_assert_int_eq(accept_attach(1, EID_1, 1, 11), FINE);
	ck_assert_int_eq(accept_attach(2, EID_1, 1, 22), FINE);
	ck_assert(!is_live(11));
	ck_assert(is_live(22));
	ck_assert(look(1).session_is_over);
	ck_assert(!look(2).session_is_over);
	/* Also within a batch: the last one has it. */
	db_world_ask_many(&w, DB_END_ATTACH, 3, rows, sizeof(rows[0]), NULL, 0, outcomes);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(outcomes[i], FINE);
	ck_assert(!is_live(22));
	ck_assert(!is_live(33));
	ck_assert(is_live(44));
	ck_assert(is_live(55));
	ck_assert_int_eq(number("SELECT count(*) FROM pdu_sessions"), 2);
}
END_TEST

START_TEST(a_detached_session_is_over)
{
	struct db_pdu_session s;

	ck_assert_int_eq(detach(7), NO_ROW);
	ck_assert_int_eq(add(1, EID_1), FINE);
	ck_assert_int_eq(accept_attach(1, EID_1, 3, 7), FINE);
	ck_assert_int_eq(detach(7), FINE);
	ck_assert_int_eq(detach(7), NO_ROW);
	ck_assert_int_eq(find_session(7, &s), FINE);
	ck_assert(s.is_over);
	ck_assert(look(1).session_is_over);
	/* The same acceptance again does not bring it back. */
	ck_assert_int_eq(accept_attach(1, EID_1, 3, 7), FINE);
	ck_assert(!is_live(7));
	ck_assert_int_eq(add(2, EID_1), FINE);
	ck_assert_int_eq(accept_attach(2, EID_1, 3, 8), FINE);
	ck_assert_int_eq(detach(7), NO_ROW);
	run("UPDATE pdu_sessions SET expires_at = floor(extract(epoch FROM now()))");
	ck_assert_int_eq(detach(8), NO_ROW);
}
END_TEST

START_TEST(an_aaa_server_brings_sessions)
{
	int64_t now = clock_unix();
	struct db_pdu_session s;

	ck_assert_int_eq(put_session(1, "meter.example", now + 100), FINE);
	ck_assert_int_eq(find_session(1, &s), FINE);
	ck_assert_str_eq(s.subject, "meter.example");
	ck_assert_int_eq(s.expires_at, now + 100);
	ck_assert(!s.is_over);
	ck_assert_int_eq(put_session(2, "meter.example", now + 200), FINE);
	ck_assert(!is_live(1));
	ck_assert(is_live(2));
	ck_assert_int_eq(detach(2), FINE);
	ck_assert_int_eq(
		put_session(2, "meter.example", now + 200), FINE); /* the answer was lost */
	ck_assert(!is_live(2));
	ck_assert_int_eq(number("SELECT count(*) FROM pdu_sessions"), 1);
	/* It takes the place of an attach's, and is replaced by one. */
	ck_assert_int_eq(add(1, EID_1), FINE);
	ck_assert_int_eq(accept_attach(1, EID_1, 1, 5), FINE);
	ck_assert_int_eq(put_session(6, EID_1, now + 100), FINE);
	ck_assert(!is_live(5));
	ck_assert(look(1).session_is_over);
	ck_assert(is_live(6));
}
END_TEST

static enum outcome ask_as(const char *actor, enum db_statement statement, const void *row)
{
	w.actor = actor;
	enum outcome outcome = db_world_ask(&w, statement, row, NULL);
	w.actor = NULL;
	return outcome;
}

/* Once for each change, and not again where the same is asked again. */
START_TEST(changes_leave_events)
{
	struct db_attach_end_in accepted = end_in(1, EID_1, true, 1, 11);
	struct db_attach_end_in refused = end_in(2, EID_2, false, 1, 0);
	struct db_exchange_id key;
	struct db_pdu_session_in brought = { .subject = text("meter"),
		.expires_at = clock_unix() + 900 };

	memset(&key, 11, sizeof(key));
	ck_assert_int_eq(add(1, EID_1), FINE);
	ck_assert_int_eq(add(2, EID_2), FINE);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(ask_as("device-gateway:gw", DB_END_ATTACH, &accepted), FINE);
		ck_assert_int_eq(ask_as("device-gateway:gw", DB_END_ATTACH, &refused), FINE);
		ck_assert_int_eq(ask_as("aaa", DB_ADD_PDU_SESSION, &brought), FINE);
	}
	ck_assert_int_eq(ask_as("access-network:amf", DB_END_PDU_SESSION, &key), FINE);
	ck_assert_int_eq(ask_as("access-network:amf", DB_END_PDU_SESSION, &key), NO_ROW);
	char *events = postgres_world_text(postgres,
		"SELECT string_agg(format('%s %s %s', action, actor, detail), ', ' ORDER BY xid,"
		" number) FROM audit_events");
	ck_assert_str_eq(events, "30 device-gateway:gw " EID_1 ", 31 device-gateway:gw " EID_2
				 ", 30 aaa meter, 32 access-network:amf " EID_1);
	free(events);
	/* Without an actor there is no trail. */
	ck_assert_int_eq(put_session(1, "other", clock_unix() + 900), FINE);
	ck_assert_int_eq(number("SELECT count(*) FROM audit_events"), 4);
}
END_TEST

static struct db_swept sweep(int64_t keep_s)
{
	struct db_sweep_in in = { 100, keep_s };
	struct db_swept swept;

	ck_assert_int_eq(db_world_ask(&w, DB_SWEEP, &in, &swept), FINE);
	return swept;
}

START_TEST(a_sweep_empties_and_removes_attaches)
{
	ck_assert_int_eq(add(1, EID_1), FINE); /* offered and over */
	ck_assert_int_eq(add(2, EID_1), FINE); /* accepted, its session over */
	ck_assert_int_eq(add(3, EID_2), FINE); /* accepted, its session lives */
	ck_assert_int_eq(add(4, EID_1), FINE); /* offered still */
	ck_assert_int_eq(accept_attach(2, EID_1, 1, 2), FINE);
	ck_assert_int_eq(accept_attach(3, EID_2, 1, 3), FINE);
	ck_assert_int_eq(sweep(3600).attaches, 0);
	run("UPDATE device_attaches SET expires_at = floor(extract(epoch FROM now()))"
	    " WHERE attach_id < decode(repeat('03', 16), 'hex')");
	run("UPDATE pdu_sessions SET expires_at = floor(extract(epoch FROM now()))"
	    " WHERE session_id = decode(repeat('02', 16), 'hex')");
	ck_assert_int_eq(sweep(3600).attaches, 2);
	ck_assert_int_eq(sweep(3600).attaches, 0);
	ck_assert_int_eq(number("SELECT count(*) FROM device_attaches WHERE scalar = ''"), 2);
	ck_assert_uint_eq(look(3).scalar.len, 6);
	ck_assert_uint_eq(look(4).scalar.len, 6);
	run("UPDATE device_attaches SET expires_at = expires_at - 3601 WHERE scalar = '';"
	    "UPDATE pdu_sessions SET expires_at = expires_at - 3601"
	    " WHERE session_id = decode(repeat('02', 16), 'hex')");
	ck_assert_int_eq(sweep(3600).attaches, 3);
	ck_assert_int_eq(number("SELECT count(*) FROM device_attaches"), 2);
	ck_assert_int_eq(number("SELECT count(*) FROM pdu_sessions"), 1);
	ck_assert(is_live(3));
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		an_offer_is_found_until_it_is_over,
		an_identifier_is_had_once,
		an_accepted_attach_has_a_session,
		a_refused_attach_is_over,
		a_new_session_ends_the_one_before,
		a_detached_session_is_over,
		an_aaa_server_brings_sessions,
		changes_leave_events,
		a_sweep_empties_and_removes_attaches,
	};
	struct db_suite suite = {
		.name = "db_devices_attach",
		.tests = tests,
		.count = sizeof(tests) / sizeof(tests[0]),
		.open = open_world,
		.close = close_world,
	};

	return db_suite_run(&suite, &postgres);
}
