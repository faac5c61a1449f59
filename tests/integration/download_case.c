#include "tests/integration/download_case.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define LIFETIME 60

static struct db_text text_in(const char *s)
{
	return (struct db_text){ s, strlen(s) };
}

enum outcome attach_eid(uint8_t session, const char *eid)
{
	struct db_attach_in in = {
		.eid = text_in(eid), .scalar = bytes_of("scalar", 6), .lifetime_s = LIFETIME
	};
	struct db_attach_end_in end = {
		.is_accepted = true, .eid = text_in(eid), .expires_at = clock_unix() + 600
	};

	memset(in.id, session, sizeof(in.id));
	memset(end.id, session, sizeof(end.id));
	memset(end.session_id, session, sizeof(end.session_id));
	ck_assert_int_eq(db_world_ask(&w, DB_ADD_ATTACH, &in, NULL), FINE);
	return db_world_ask(&w, DB_END_ATTACH, &end, NULL);
}

void bind_and_attach(int64_t dimsi, int64_t imsi)
{
	static struct db_sample sample;
	struct db_auth_event_in event = { imsi, true, 3600 };

	db_sample_make(&sample, dimsi, imsi);
	ck_assert_int_eq(db_world_ask(&w, DB_BIND, &sample.in, NULL), FINE);
	ck_assert_int_eq(db_world_ask(&w, DB_RECORD_AUTH_EVENT, &event, NULL), FINE);
}

struct db_download_in download_in(uint8_t id, const char *subject, int64_t imsi)
{
	struct db_download_in in = {
		.subject = text_in(subject),
		.imsi = imsi,
		.scalar = bytes_of("scalar", 6),
		.lifetime_s = LIFETIME,
	};

	memset(in.id, id, sizeof(in.id));
	memset(in.server_nonce, id + 1, sizeof(in.server_nonce));
	memset(in.device_nonce, id + 2, sizeof(in.device_nonce));
	memset(in.ephemeral, id + 3, sizeof(in.ephemeral));
	return in;
}

enum download_bar offer_to(struct db_download_in in)
{
	struct db_download_made made = { 99 };

	ck_assert_int_eq(db_world_ask(&w, DB_ADD_DOWNLOAD, &in, &made), FINE);
	return (enum download_bar)made.bar;
}

enum download_bar offer(uint8_t id, const char *subject, int64_t imsi)
{
	return offer_to(download_in(id, subject, imsi));
}

struct db_download find_download(uint8_t id)
{
	struct db_exchange_id key;
	struct db_download d;

	memset(&key, id, sizeof(key));
	memset(&d, 0xee, sizeof(d));
	ck_assert_int_eq(db_world_ask(&w, DB_FIND_DOWNLOAD, &key, &d), FINE);
	struct db_download_kn kn;
	ck_assert_int_eq(db_world_ask(&w, DB_FIND_KN, &key, &kn), FINE);
	ck_assert_int_eq(kn.state, d.state);
	ck_assert_uint_eq(kn.kn.len, d.kn.len);
	ck_assert_mem_eq(kn.kn.at, d.kn.at, d.kn.len);
	return d;
}

struct db_profile_in profile_in(
	uint8_t id, const char *subject, int64_t imsi, uint8_t request, const char *sealed)
{
	struct db_profile_in in = {
		.subject = text_in(subject),
		.is_eid = strncmp(subject, "imsi-", 5) != 0,
		.imsi = imsi,
		.issued_at = ISSUED_AT,
		.not_after = NOT_AFTER,
		.bound = bytes_of(sealed, strlen(sealed)),
		.kn = bytes_of("kn", 2),
		.k_opc = bytes_of("k_opc", 5),
		.sealed = bytes_of(sealed, strlen(sealed)),
	};

	memset(in.id, id, sizeof(in.id));
	memset(in.request_hash, request, sizeof(in.request_hash));
	memset(in.iv, request + 1, sizeof(in.iv));
	return in;
}

enum outcome bind_profile(uint8_t id, const char *subject, int64_t imsi, const char *sealed)
{
	struct db_profile_in in = profile_in(id, subject, imsi, 1, sealed);

	return db_world_ask(&w, DB_BIND_PROFILE, &in, NULL);
}

enum outcome bind_again(uint8_t id, uint8_t request, const char *bound)
{
	struct db_profile_in in = profile_in(id, "", 0, request, bound);

	in.kn = bytes_of(bound, 1);
	return db_world_ask(&w, DB_BIND_AGAIN, &in, NULL);
}

enum outcome notify_download(uint8_t id, bool is_installed, bool *was_ended)
{
	struct db_download_end_in in = { .is_installed = is_installed };
	struct db_download_ended ended = { false };

	memset(in.id, id, sizeof(in.id));
	enum outcome outcome = db_world_ask(&w, DB_END_DOWNLOAD, &in, &ended);
	*was_ended = ended.was_ended;
	return outcome;
}

enum outcome installed(uint8_t id)
{
	bool was_ended;

	return notify_download(id, true, &was_ended);
}

enum outcome failed(uint8_t id)
{
	bool was_ended;

	return notify_download(id, false, &was_ended);
}

void check_versions(int64_t imsi, const char *expected)
{
	char sql[200];

	snprintf(sql, sizeof(sql),
		"SELECT coalesce(string_agg(version || ':' || state, ' ' ORDER BY version), '')"
		" FROM credentials WHERE imsi = %lld",
		(long long)imsi);
	char *versions = postgres_world_text(postgres, sql);
	ck_assert_str_eq(versions, expected);
	free(versions);
}

enum binding_state state_of_binding(int64_t dimsi)
{
	struct db_binding b;

	ck_assert_int_eq(db_world_ask(&w, DB_FIND_BINDING, &(struct db_dimsi){ dimsi }, &b), FINE);
	return (enum binding_state)b.state;
}

struct db_credential credential_of(int64_t imsi)
{
	struct db_credential c;

	ck_assert_int_eq(db_world_ask(&w, DB_FIND_CREDENTIAL, &(struct db_imsi){ imsi }, &c), FINE);
	return c;
}
