/*
 * The reactor's picture of trust and keys, over a database and workers that the test plays: what is read,
 * in which order, what is left out, and what stays in force when a reading fails.
 */
#include "server/views.h"

#include <stdlib.h>

#include "base/clock.h"
#include "procedures/procedure.h"
#include "tests/unit/suite.h"

#define MOST_ROWS 4u

static struct ev_loop *loop;
static struct settings settings;
static struct services services = { .settings = &settings };
static struct views *views;

/* The database and the workers. */
static struct {
	struct db_request *asked;
	enum db_statement order[16];
	unsigned count;
	enum db_statement fails; /* DB_STATEMENT_COUNT: none */
	struct db_key_row keys[MOST_ROWS];
	struct db_ibs_identity identities[MOST_ROWS];
	struct db_crl crls[MOST_ROWS];
	struct db_revocation revocations[MOST_ROWS];
	unsigned key_count, identity_count, crl_count, revocation_count;
	void (*on_trust)(void *), (*on_keys)(void *);
	struct key_found found[MOST_ROWS];
	unsigned found_count, refreshed;
} world;

void db_submit(struct db *db, struct db_request *request)
{
	(void)db;
	ck_assert_ptr_null(world.asked); /* one after the other */
	world.asked = request;
}

enum outcome db_listen(
	struct db *db, const char *channel, void (*heard)(void *context), void *context)
{
	(void)db;
	(void)context;
	if (strcmp(channel, "arpf_trust") == 0)
		world.on_trust = heard;
	else if (strcmp(channel, "arpf_keys") == 0)
		world.on_keys = heard;
	else
		return BROKEN;
	return FINE;
}

const struct key_found *key_client_keys(const struct key_client *c, unsigned *count)
{
	(void)c;
	*count = world.found_count;
	return world.found;
}

void key_client_on_keys(struct key_client *c, void (*changed)(void *context), void *context)
{
	(void)c;
	(void)changed;
	(void)context;
}

void key_client_refresh(struct key_client *c)
{
	(void)c;
	world.refreshed++;
}

static void on_brought(void *context, struct txn *t, enum outcome outcome)
{
	(void)context;
	(void)t;
	(void)outcome;
}

static void give_rows(struct db_request *r)
{
	const struct db_page *page = r->row;

	for (unsigned i = 0; r->statement == DB_LIST_KEYS && i < world.key_count; i++)
		if (world.keys[i].number > page->after)
			r->each(r, &world.keys[i]);
	for (unsigned i = 0; r->statement == DB_LIST_CRLS && i < world.crl_count; i++)
		if (world.crls[i].number > page->after)
			r->each(r, &world.crls[i]);
	for (unsigned i = 0; r->statement == DB_LIST_REVOCATIONS && i < world.revocation_count; i++)
		if (world.revocations[i].number > page->after)
			r->each(r, &world.revocations[i]);
	for (unsigned i = 0; r->statement == DB_LIST_IBS_IDENTITIES && i < world.identity_count;
		i++)
		if (world.identities[i].number > page->after)
			r->each(r, &world.identities[i]);
}

/* Answers until nothing more is asked. */
static void answer_all(void)
{
	world.count = 0;
	while (world.asked != NULL) {
		struct db_request *r = world.asked;
		bool fails = r->statement == world.fails;

		ck_assert_uint_lt(world.count, 16);
		world.order[world.count++] = r->statement;
		world.asked = NULL;
		if (!fails)
			give_rows(r);
		r->done(r, fails ? DATABASE_UNAVAILABLE : FINE);
	}
}

static void add_identity(const char *id, int64_t not_before, int32_t kek_generation)
{
	static const char g[] = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
				"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
	struct db_ibs_identity *row = &world.identities[world.identity_count++];

	*row = (struct db_ibs_identity){ .number = world.identity_count,
		.not_before = not_before,
		.not_after = not_before + 1000,
		.kek_generation = kek_generation };
	memcpy(row->id, id, strlen(id) + 1);
	ck_assert(hex_read(g, strlen(g), row->kpak, sizeof(row->kpak)));
	memcpy(row->pvt, row->kpak, sizeof(row->pvt));
}

static void begin(void)
{
	memset(&world, 0, sizeof(world));
	world.fails = DB_STATEMENT_COUNT;
	world.found[0] = (struct key_found){ .use = KEY_USE_KEK, .generation = 2 };
	world.found[1] = (struct key_found){ .use = KEY_USE_SIGN, .key_id = { 7 } };
	world.found_count = 2;
	loop = ev_loop_new(EVFLAG_AUTO);
	views = views_new(loop, &services, on_brought, NULL);
	ck_assert_ptr_nonnull(views);
}

static void end(void)
{
	views_free(views);
	ck_assert_ptr_null(services.trust);
	ck_assert_ptr_null(services.own_keys);
	ev_loop_destroy(loop);
}

START_TEST(test_everything_is_read)
{
	static const enum db_statement order[] = {
		DB_LIST_ANCHORS,
		DB_LIST_CRLS,
		DB_LIST_REVOCATIONS,
		DB_LIST_KEYS,
		DB_LIST_IBS_IDENTITIES,
	};

	begin();
	ck_assert(!views_are_ready(views));
	add_identity("2026-11 arpf", clock_unix() - 5, 2);
	answer_all();
	ck_assert(views_are_ready(views));
	ck_assert_uint_eq(world.count, 5);
	ck_assert_mem_eq(world.order, order, sizeof(order));
	ck_assert_ptr_nonnull(services.trust);
	const struct own_identity *used = own_keys_identity(services.own_keys, clock_unix());

	ck_assert_ptr_nonnull(used);
	ck_assert_mem_eq(used->ibs.id, "2026-11 arpf", used->ibs.id_len);
	end();
}
END_TEST

/* What no worker can use is not given out; a row that is unusable spoils no other. */
START_TEST(test_what_is_left_out)
{
	static const uint8_t certificate[] = { 0x30, 0 };

	begin();
	for (unsigned i = 0; i < 2; i++)
		world.keys[i] = (struct db_key_row){ .number = i + 1,
			.key_id = { (uint8_t)(7 + i) },
			.use = KEY_USE_SIGN,
			.generation = (int32_t)i,
			.certificate = BYTES(certificate) };
	world.key_count = 2;
	add_identity("of another KEK", clock_unix() - 2, 3);
	add_identity("not a point", clock_unix() - 1, 2);
	world.identities[1].kpak[5] ^= 1;
	add_identity("good", clock_unix() - 5, 2);
	answer_all();
	ck_assert(views_are_ready(views));
	ck_assert_int_eq(own_keys_newest(services.own_keys, KEY_USE_SIGN)->generation, 0);
	const struct own_identity *used = own_keys_identity(services.own_keys, clock_unix());

	ck_assert_ptr_nonnull(used);
	ck_assert_uint_eq(used->ibs.id_len, 4);
	end();
}
END_TEST

START_TEST(test_a_notice_brings_a_new_identity)
{
	begin();
	add_identity("old", clock_unix() - 5, 2);
	world.on_keys(views); /* listening has begun, while the first reading is under way */
	ck_assert_uint_eq(world.refreshed, 0);
	answer_all();
	ck_assert_uint_eq(world.count, 10); /* and again, for what changed meanwhile */
	struct own_keys *before = own_keys_take(services.own_keys);

	add_identity("new", clock_unix() - 4, 2);
	world.on_keys(views);
	ck_assert_uint_eq(world.refreshed, 1);
	answer_all();
	ck_assert_mem_eq(own_keys_identity(services.own_keys, clock_unix())->ibs.id, "new", 3);
	ck_assert_mem_eq(own_keys_identity(before, clock_unix())->ibs.id, "old", 3);
	own_keys_give_back(before);
	end();
}
END_TEST

START_TEST(test_what_was_read_stays)
{
	static const enum db_statement statements[] = {
		DB_LIST_ANCHORS,
		DB_LIST_CRLS,
		DB_LIST_REVOCATIONS,
		DB_LIST_KEYS,
		DB_LIST_IBS_IDENTITIES,
	};

	begin();
	add_identity("only", clock_unix() - 5, 2);
	answer_all();
	for (unsigned i = 0; i < 5; i++) {
		const struct own_keys *before = services.own_keys;

		world.fails = statements[i];
		world.on_trust(views);
		answer_all();
		ck_assert_uint_eq(world.count, i + 1);
		ck_assert_ptr_eq(services.own_keys, before);
		ck_assert(views_are_ready(views));
	}
	end();
}
END_TEST

static enum outcome check_revocation(uint8_t issuer, uint8_t serial, int64_t now)
{
	const struct issuer_id id = { .name = { issuer } };
	const char *reason;

	return trust_check_revocation(services.trust, &id, bytes_of(&serial, 1), now, &reason);
}

static void look_at_crls(bool stale_is_open)
{
	static const uint8_t serial[] = { 9 };
	enum outcome stale = stale_is_open ? FINE : CERTIFICATE_UNTRUSTED;
	struct crl_figures figures;

	settings.stale_crl_is_open = stale_is_open;
	begin();
	world.crls[0] = (struct db_crl){ 1, .next_update = 1000, .issuer_hash = { 1 } };
	world.crls[1] = (struct db_crl){ 2, .next_update = 900, .issuer_hash = { 1 } };
	world.crls[2] = (struct db_crl){ 3, .next_update = 2000, .issuer_hash = { 2 } };
	world.crl_count = 3;
	world.revocations[0] = (struct db_revocation){
		.number = 1, .issuer_hash = { 1 }, .serial = BYTES(serial)
	};
	world.revocation_count = 1;
	answer_all();
	ck_assert(views_are_ready(views));
	ck_assert_int_eq(check_revocation(1, 9, 800), CERTIFICATE_REVOKED);
	ck_assert_int_eq(check_revocation(1, 9, 950), CERTIFICATE_REVOKED);
	ck_assert_int_eq(check_revocation(1, 8, 900), FINE);
	ck_assert_int_eq(check_revocation(1, 8, 901), stale);
	ck_assert_int_eq(check_revocation(2, 8, 2000), FINE);
	ck_assert_int_eq(check_revocation(2, 8, 2001), stale);
	ck_assert_int_eq(check_revocation(3, 8, 5000), FINE);
	trust_count_crls(services.trust, 950, &figures);
	ck_assert_int_eq(figures.end, 900);
	ck_assert_uint_eq(figures.over, 1);
	end();
	settings.stale_crl_is_open = false;
}

/* Of two CRLs of one issuer the one that ends first counts. */
START_TEST(test_crls_are_heeded)
{
	look_at_crls(false);
	look_at_crls(true);
}
END_TEST

/* A revocation that cannot be read leaves the door as it was, rather than open. */
START_TEST(test_an_unusable_revocation_spoils_the_reading)
{
	static const uint8_t too_long[21] = { 1 };

	begin();
	answer_all();
	const struct trust *before = services.trust;

	world.revocations[0] = (struct db_revocation){ .number = 1, .serial = BYTES(too_long) };
	world.revocation_count = 1;
	world.on_trust(views);
	answer_all();
	ck_assert_ptr_eq(services.trust, before);
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_everything_is_read,
		test_what_is_left_out,
		test_a_notice_brings_a_new_identity,
		test_what_was_read_stays,
		test_crls_are_heeded,
		test_an_unusable_revocation_spoils_the_reading,
	};

	return suite_run("views", tests, sizeof(tests) / sizeof(tests[0]));
}
