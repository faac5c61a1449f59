/* The fleet's files: made, interrupted, completed, read. */
#include "loadtest/fleet.h"

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/cose.h"
#include "loadtest/attach.h"
#include "loadtest/fleet_create.h"
#include "loadtest/json_scan.h"
#include "loadtest/procedures.h"
#include "loadtest/subscribers.h"
#include "tests/unit/suite.h"

static char folder[PATH_MAX];
static struct se_arpf arpf;
static struct authority stranger;

static void begin(void)
{
	uint8_t scalar[P256_SCALAR_LEN];
	struct validity validity = { 0, 4000000000 };

	snprintf(folder, sizeof(folder), "/tmp/arpf-fleet-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(p256_generate(scalar, arpf.public_key), FINE);
	ck_assert_int_eq(authority_make_root(&stranger, "Stranger", &validity), FINE);
}

static void end(void)
{
	static const char *const names[] = { "ci.pem", "ci.key.pem", "pn.pem", "pn.key.pem",
		"devices.bin", "subscribers.csv" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (path_in(folder, names[i], path, sizeof(path)))
			unlink(path);
	rmdir(folder);
}

static const struct fleet_kind *kind_of(const char *procedure)
{
	const struct procedure *p = procedure_find(procedure);

	ck_assert_ptr_nonnull(p);
	return p->fleet;
}

static bool describe(struct fleet *f)
{
	return fleet_describe(f, kind_of("initial-attach"), NULL, 1000, 100, 3);
}

static void append(struct fleet *f, size_t count)
{
	struct fleet_record r;
	struct fleet_making making = { f, &stranger, &arpf };

	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(fleet_make_attach(&making, f->count, &r), FINE);
		ck_assert(fleet_append(f, &r, 1));
	}
}

static off_t file_size(const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	ck_assert(path_in(folder, name, path, sizeof(path)));
	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

static void cut(off_t size)
{
	char path[PATH_MAX];

	ck_assert(path_in(folder, "devices.bin", path, sizeof(path)));
	ck_assert_int_eq(truncate(path, size), 0);
}

START_TEST(test_interrupted)
{
	struct fleet f = { .fd = -1 }, g = { .fd = -1 };

	begin();
	ck_assert(describe(&f) && fleet_open_for_more(&f, folder));
	append(&f, 10);
	struct maker first = f.maker;
	fleet_close(&f);
	ck_assert_int_eq(file_size("devices.bin"), 11 * FLEET_RECORD_LEN);

	cut(8 * FLEET_RECORD_LEN - 1); /* the seventh record lacks a byte */
	ck_assert(describe(&g) && fleet_open_for_more(&g, folder));
	ck_assert_uint_eq(g.count, 6);
	/* the maker and the header are those of the first time */
	ck_assert_mem_eq(g.maker.ci.certificate, first.ci.certificate, first.ci.certificate_len);
	ck_assert_mem_eq(g.maker.parts[2].scalar, first.parts[2].scalar, P256_SCALAR_LEN);
	append(&g, 5);
	fleet_close(&g);
	ck_assert(fleet_open(&g, folder));
	ck_assert_uint_eq(g.count, 11);
	for (uint64_t i = 0; i < g.count; i++)
		ck_assert_uint_eq(fleet_at(&g, i)->imsi, UINT64_C(1990000001000) + i);
	fleet_close(&g);
	end();
}
END_TEST

START_TEST(test_begun_and_lost)
{
	struct fleet f = { .fd = -1 };

	begin();
	ck_assert(describe(&f) && fleet_open_for_more(&f, folder));
	append(&f, 1);
	fleet_close(&f);
	cut(100); /* not even the header is whole: as good as none */
	ck_assert(!fleet_exists(folder));
	ck_assert(!fleet_open(&f, folder));
	ck_assert(describe(&f) && fleet_open_for_more(&f, folder));
	ck_assert_uint_eq(f.count, 0);
	append(&f, 1);
	fleet_close(&f);
	ck_assert(fleet_describe(&f, kind_of("initial-attach"), "00198", 0, 1, 1));
	ck_assert(!fleet_open_for_more(&f, folder));
	end();
}
END_TEST

START_TEST(test_zeros_at_the_end)
{
	struct fleet f = { .fd = -1 };

	begin();
	ck_assert(describe(&f) && fleet_open_for_more(&f, folder));
	append(&f, 3);
	fleet_close(&f);
	cut(6 * FLEET_RECORD_LEN); /* grown, as a file system may after a power cut */
	ck_assert(fleet_open(&f, folder));
	ck_assert_uint_eq(f.count, 3);
	fleet_close(&f);
	end();
}
END_TEST

START_TEST(test_keys_are_private)
{
	static const char *const names[] = { "devices.bin", "ci.key.pem", "pn.key.pem" };
	char path[PATH_MAX];
	struct stat st;
	struct fleet f = { .fd = -1 };

	begin();
	ck_assert(describe(&f) && fleet_open_for_more(&f, folder));
	fleet_close(&f);
	for (size_t i = 0; i < 3; i++) {
		ck_assert(path_in(folder, names[i], path, sizeof(path)));
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_uint_eq(st.st_mode & 0077, 0);
	}
	end();
}
END_TEST

START_TEST(test_faults)
{
	struct fleet f = { .fd = -1 };
	struct fleet_record r;
	unsigned faults[FAULT_COUNT] = { 0 };
	struct fleet_making making = { &f, &stranger, &arpf };

	begin();
	ck_assert(describe(&f));
	f.header.bad_percent = 30;
	for (uint64_t i = 0; i < 100; i++) {
		struct cose_sign1 token;
		struct certificate c;
		uint8_t digest[32], signature[64];

		ck_assert_int_eq(fleet_make_attach(&making, i, &r), FINE);
		faults[r.fault]++;
		ck_assert_int_eq(
			certificate_read(bytes_of(r.certificate, r.certificate_len), &c), FINE);
		ck_assert_int_eq(cose_sign1_read(bytes_of(r.atk, r.atk_len), &token), FINE);
		ck_assert_int_eq(cose_sign1_digest(&token, digest), FINE);
		ck_assert_int_eq(p256_verify(c.public_key, digest, token.signature.at),
			r.fault == FAULT_TOKEN_SIGNATURE ? SIGNATURE_INVALID : FINE);
		ck_assert_int_eq(certificate_digest(&c, digest), FINE);
		memcpy(signature, c.signature, sizeof(signature));
		ck_assert_int_eq(p256_verify(BYTES(f.maker.parts[r.part].point), digest, signature),
			r.fault == FAULT_STRANGER ? SIGNATURE_INVALID : FINE);
		ck_assert_int_eq(c.not_after < f.header.not_before, r.fault == FAULT_EXPIRED);
	}
	ck_assert_uint_eq(faults[FAULT_NONE], 70);
	ck_assert_uint_eq(faults[FAULT_STRANGER], 10);
	end();
}
END_TEST

START_TEST(test_request)
{
	struct fleet f = { .fd = -1 };
	struct fleet_record r;
	struct attach_texts texts;
	char item[ATTACH_ITEM_MAX];
	struct json_scan whole, inner;
	struct json_member m, n;
	uint8_t atk[ATK_MAX];
	struct fleet_making making = { &f, &stranger, &arpf };

	begin();
	ck_assert(describe(&f));
	ck_assert_int_eq(fleet_make_attach(&making, 0, &r), FINE);
	attach_texts_make(&texts, &f.maker);
	struct bytes text = bytes_of(item, attach_write_item(&texts, &r, item));
	ck_assert(json_scan_object(text, &whole) && json_scan_member(&whole, &m));
	ck_assert(json_is(&m, "seCredentials") && json_scan_object(m.value, &inner));
	unsigned members = 0;
	for (; json_scan_member(&inner, &n); members++)
		if (json_is(&n, "atk")) {
			ck_assert(json_scan_base64(n.value, atk, r.atk_len));
			ck_assert_mem_eq(atk, r.atk, r.atk_len);
		}
	ck_assert_uint_eq(members, 4);
	ck_assert(!json_scan_member(&whole, &m) && !whole.broken && whole.rest.len == 0);
	end();
}
END_TEST

/* Every line of the CSV is the subscriber it says. */
static void check_csv(const struct fleet_header *h, uint64_t count)
{
	char path[PATH_MAX], line[128], expected[128], k[33], opc[33];
	struct subscriber sub;
	struct stat st;

	ck_assert(subscribers_write(h, count, folder));
	ck_assert(path_in(folder, "subscribers.csv", path, sizeof(path)));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0077, 0);
	FILE *in = fopen(path, "re");
	ck_assert_ptr_nonnull(in);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), in));
	ck_assert_str_eq(line, "supi,k,opc\n");
	for (uint64_t i = 0; i < count; i++) {
		ck_assert_int_eq(subscriber_at(h, i, &sub), FINE);
		hex_write(BYTES(sub.k), k);
		hex_write(BYTES(sub.opc), opc);
		snprintf(expected, sizeof(expected), "imsi-%015llu,%s,%s\n",
			(unsigned long long)sub.imsi, k, opc);
		ck_assert_ptr_nonnull(fgets(line, sizeof(line), in));
		ck_assert_str_eq(line, expected);
	}
	ck_assert_ptr_null(fgets(line, sizeof(line), in));
	fclose(in);
}

START_TEST(test_subscribers)
{
	struct fleet f = { .fd = -1 }, again = { .fd = -1 };
	struct fleet_record r;
	struct subscriber sub, other;

	begin();
	ck_assert(fleet_describe(&f, kind_of("auth-data"), NULL, FLEET_RANDOM_FIRST, 50, 1));
	/* above what a pool gives out */
	ck_assert_uint_ge(f.header.first_msin, UINT64_C(5000000000));
	ck_assert_uint_eq(subscribers_count(&f.header, 50), 50);
	struct fleet_making making = { &f, NULL, NULL };

	for (uint64_t i = 0; i < 50; i++) {
		ck_assert_int_eq(kind_of("auth-data")->make(&making, i, &r), FINE);
		ck_assert_int_eq(subscriber_at(&f.header, i, &sub), FINE);
		ck_assert_uint_eq(r.imsi, UINT64_C(1010000000000) + f.header.first_msin + i);
		ck_assert_uint_eq(r.imsi, sub.imsi);
		ck_assert_mem_eq(r.subscriber.k, sub.k, 16);
		ck_assert_mem_eq(r.subscriber.opc, sub.opc, 16);
	}
	ck_assert_int_eq(subscriber_at(&f.header, 0, &other), FINE);
	ck_assert_mem_ne(other.k, sub.k, 16);
	ck_assert_mem_ne(other.k, other.opc, 16);
	check_csv(&f.header, 50);
	/* another fleet's are others */
	ck_assert(fleet_describe(&again, kind_of("auth-data"), NULL, 0, 50, 1));
	ck_assert_int_eq(subscriber_at(&again.header, 0, &sub), FINE);
	ck_assert_mem_ne(other.k, sub.k, 16);
	end();
}
END_TEST

START_TEST(test_companions)
{
	struct fleet f = { .fd = -1 };
	struct fleet_record r;
	uint64_t device;

	begin();
	for (unsigned group = 0; group < DH_GROUP_COUNT; group++) {
		ck_assert(fleet_describe(&f, kind_of("companion-dh"), NULL, 7000, 10, 1));
		f.header.companion_count = 3;
		f.header.group = group;
		struct fleet_making making = { &f, NULL, NULL };

		for (uint64_t i = 0; i < 4; i++) {
			ck_assert_int_eq(fleet_make_dh(&making, i, &r), FINE);
			ck_assert_uint_eq(r.imsi, UINT64_C(1010000007000) + i % 3);
			ck_assert_int_eq(
				dh_check_element((enum dh_group)group,
					bytes_of(r.dh.a, dh_element_len((enum dh_group)group))),
				FINE);
			ck_assert(fleet_device_of(&f.header, bytes_of_text(r.id), &device));
			ck_assert_uint_eq(device, i);
		}
	}
	ck_assert_uint_eq(subscribers_count(&f.header, 10), 3);
	check_csv(&f.header, 3);
	ck_assert(!fleet_device_of(&f.header, bytes_of_text("D00101-7000-04"), &device));
	ck_assert(!fleet_device_of(&f.header, bytes_of_text("D00101-7001-4"), &device));
	ck_assert(!fleet_device_of(&f.header, bytes_of_text("nothing"), &device));
	ck_assert(!fleet_device_of(&f.header, bytes_of(NULL, 0), &device));
	end();
}
END_TEST

START_TEST(test_headless)
{
	struct fleet f = { .fd = -1 };
	struct fleet_record r;
	struct certificate c;
	uint8_t point[P256_POINT_LEN], digest[32];

	begin();
	ck_assert(fleet_describe(&f, kind_of("headless-device"), NULL, 7000, 10, 2));
	f.header.companion_count = 1;
	struct fleet_making making = { &f, NULL, NULL };

	for (uint64_t i = 0; i < 4; i++) {
		ck_assert_int_eq(fleet_make_headless(&making, i, &r), FINE);
		ck_assert_int_eq(
			certificate_read(bytes_of(r.headless.certificate, r.certificate_len), &c),
			FINE);
		ck_assert(bytes_equal(c.serial_number, bytes_of_text(r.id)));
		ck_assert(bytes_equal(c.organization, bytes_of_text(FLEET_MANUFACTURER)));
		ck_assert(bytes_equal(c.organizational_unit, bytes_of_text(FLEET_MODEL)));
		ck_assert_int_eq(p256_public_of(r.headless.key, point), FINE);
		ck_assert(bytes_equal(c.public_key, BYTES(point)));
		ck_assert_int_eq(certificate_digest(&c, digest), FINE);
		ck_assert_int_eq(
			p256_verify(BYTES(f.maker.parts[i % 2].point), digest, c.signature), FINE);
	}
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_interrupted,
		test_begun_and_lost,
		test_zeros_at_the_end,
		test_keys_are_private,
		test_faults,
		test_request,
		test_subscribers,
		test_companions,
		test_headless,
	};

	return suite_run("loadtest fleet", tests, sizeof(tests) / sizeof(tests[0]));
}
