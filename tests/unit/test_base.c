#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/imsi.h"
#include "base/outcome.h"
#include "base/settings.h"
#include "tests/unit/suite.h"
#include "tests/unit/vectors.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool imsi_of_text(const char *text, uint64_t *imsi)
{
	return imsi_read(text, strlen(text), imsi);
}

/*
 * EF_IMSI (TS 31.102 clause 4.2.2) and a mobile identity begin with a length and a parity nibble.
 */
static void check_nibbles(const json_t *v, struct bytes coded, const char *digits)
{
	uint8_t expected[8];
	uint8_t bcd[8];
	char text[IMSI_DIGITS + 1];
	uint64_t imsi;

	ck_assert_uint_eq(coded.len, 9);
	for (size_t i = 0; i < 8; i++) {
		uint8_t next = i < 7 ? coded.at[i + 2] & 15 : 15;

		expected[i] = (uint8_t)(next << 4 | coded.at[i + 1] >> 4);
	}
	ck_assert(imsi_of_text(digits, &imsi));
	imsi_to_bcd(imsi, bcd);
	vector_check(v, memcmp(bcd, expected, sizeof(bcd)) == 0, "TBCD");
	vector_check(v, imsi_from_bcd(expected, &imsi), "read");
	imsi_write(imsi, text);
	ck_assert_str_eq(text, digits);
}

static unsigned imsi_vectors;

/* Of the published cases those that are about IMSIs of 15 digits, the only ones used here. */
static void check_imsi(struct arena *a, const json_t *group, const json_t *v)
{
	const char *op = vector_text(v, "op");
	const char *digits = vector_text(v, "imsi");
	uint64_t imsi;

	(void)group;
	if (strcmp(op, "imsi_valid") == 0)
		vector_check(v,
			imsi_of_text(digits, &imsi) ==
				(strcmp(vector_text(v, "expect"), "ok") == 0 &&
					strlen(digits) == IMSI_DIGITS),
			"validity");
	else if (strcmp(op, "ef_imsi") == 0 && strlen(digits) == IMSI_DIGITS)
		check_nibbles(v, vector_bytes(a, v, "ef"), digits);
	else if (strcmp(op, "mobile_identity_decode") == 0 &&
		 strlen(vector_text(v, "expect")) == IMSI_DIGITS)
		check_nibbles(v, vector_bytes(a, v, "lv"), vector_text(v, "expect"));
	else
		return;
	imsi_vectors++;
}

START_TEST(imsi_published)
{
	imsi_vectors = 0;
	vectors_run("imsi_bcd.json", check_imsi);
	ck_assert_uint_eq(imsi_vectors, 14);
}
END_TEST

START_TEST(imsi_strict)
{
	uint8_t bcd[8];
	uint64_t imsi;
	char text[IMSI_DIGITS + 1];

	ck_assert(imsi_of_text("000000000000000", &imsi) && imsi == 0);
	ck_assert(imsi_of_text("999999999999999", &imsi) && imsi == IMSI_LIMIT - 1);
	imsi_write(42, text);
	ck_assert_str_eq(text, "000000000000042");
	ck_assert(!imsi_read("12345678901234\0", IMSI_DIGITS, &imsi));
	ck_assert(!imsi_of_text("+12345678901234", &imsi));
	ck_assert(imsi_read_supi("imsi-001010000000007", 20, &imsi) && imsi == 1010000000007);
	ck_assert(!imsi_read_supi("imsi-00101000000000", 19, &imsi));
	ck_assert(!imsi_read_supi("IMSI-001010000000007", 20, &imsi));
	ck_assert(!imsi_read_supi("imsi-", 5, &imsi));
	ck_assert(!imsi_read_supi("", 0, &imsi));
	for (unsigned nibble = 0; nibble < 16; nibble++)
		for (unsigned value = 0; value < 16; value++) {
			unsigned shift = nibble % 2 * 4;

			imsi_to_bcd(123456789012345, bcd);
			bcd[nibble / 2] =
				(uint8_t)((bcd[nibble / 2] & 0xf0u >> shift) | value << shift);
			ck_assert(imsi_from_bcd(bcd, &imsi) ==
				  (nibble < 15 ? value < 10 : value == 15));
		}
}
END_TEST

START_TEST(plmns)
{
	struct plmn two, three;
	uint64_t imsi;

	ck_assert(plmn_read("00101", 5, &two) && plmn_read("001010", 6, &three));
	ck_assert(!plmn_read("0010", 4, &two) && !plmn_read("0010100", 7, &two));
	ck_assert(!plmn_read("0010a", 5, &two) && !plmn_read("", 0, &two));
	ck_assert_uint_eq(plmn_msin_limit(two), 10000000000);
	ck_assert_uint_eq(plmn_msin_limit(three), 1000000000);
	ck_assert(plmn_make_imsi(two, 9999999999, &imsi) && imsi == 1019999999999);
	ck_assert(!plmn_make_imsi(two, 10000000000, &imsi));
	ck_assert(plmn_has_imsi(two, 1019999999999) && !plmn_has_imsi(two, 1020000000000));
	/* 001-010 is a part of what 001-01 spells. */
	ck_assert(plmn_make_imsi(three, 5, &imsi) && imsi == 1010000000005);
	ck_assert(plmn_has_imsi(three, imsi) && !plmn_has_imsi(three, 1011000000005));
}
END_TEST

START_TEST(buffers)
{
	uint8_t at[15];
	struct buffer b = buffer_over(at, sizeof(at));
	uint16_t two;
	uint32_t four;
	uint64_t eight;
	struct bytes part;

	buffer_put_u8(&b, 1);
	buffer_put_u16(&b, 0x0203);
	buffer_put_u32(&b, 0x04050607);
	buffer_put_u64(&b, 0x08090a0b0c0d0e0f);
	ck_assert(!b.full && b.len == 15);
	for (uint8_t i = 0; i < 15; i++)
		ck_assert_uint_eq(at[i], i + 1);
	buffer_put(&b, "", 0);
	ck_assert(!b.full);
	buffer_put_u8(&b, 1);
	ck_assert(b.full && b.len == 15);

	struct bytes in = BYTES(at);

	ck_assert(bytes_take(&in, 1, &part) && part.at == at && part.len == 1);
	ck_assert(bytes_take_u16(&in, &two) && two == 0x0203);
	ck_assert(bytes_take_u32(&in, &four) && four == 0x04050607);
	in.len--;
	ck_assert(!bytes_take_u64(&in, &eight) && in.len == 7);
	in.len++;
	ck_assert(bytes_take_u64(&in, &eight) && eight == 0x08090a0b0c0d0e0f);
	ck_assert(!bytes_take(&in, 1, &part) && !bytes_take_u16(&in, &two) &&
		  !bytes_take_u32(&in, &four));

	/* What did not fit once leaves nothing behind it either. */
	b = buffer_over(at, 3);
	buffer_put_u32(&b, 1);
	buffer_put_u8(&b, 1);
	ck_assert(b.full && b.len == 0);
}
END_TEST

START_TEST(hex)
{
	uint8_t at[4];
	char text[9];

	ck_assert(hex_read("00ffAb9C", 8, at, 4));
	ck_assert_mem_eq(at, "\x00\xff\xab\x9c", 4);
	hex_write(BYTES(at), text);
	ck_assert_str_eq(text, "00ffab9c");
	ck_assert(!hex_read("00ffab9", 7, at, 4) && !hex_read("00ffab9c0", 9, at, 4));
	ck_assert(!hex_read("00ffab9c", 8, at, 3) && hex_read("", 0, at, 0));
	for (int c = 0; c < 256; c++) {
		char pair[2] = { '0', (char)c };
		bool digit = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;

		ck_assert(hex_read(pair, 2, at, 1) == digit);
	}
}
END_TEST

START_TEST(base64)
{
	/* RFC 4648 section 10 */
	static const char *const published[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" } };
	static const char *const refused[] = { "Z", "Zg",
		"Zg=", "Zg===", "====", "Z===", "=g==", "Zg=v",
		"Zh==", "Zm9=", "Zm9vYh==", "Zg==Zg==", "Zm9v\n", " Zm9v", "Zm 9v", "Zm-v", "Zm_v",
		"Zm9v=", "Zm9v====", "Z\xc3\xa9==" };
	uint8_t in[100], out[102];
	char text[BASE64_LEN(100) + 1];
	size_t len;

	for (size_t i = 0; i < COUNT(published); i++) {
		ck_assert_uint_eq(base64_write(bytes_of_text(published[i][0]), text),
			strlen(published[i][1]));
		ck_assert_str_eq(text, published[i][1]);
		ck_assert(base64_read(text, strlen(text), out, &len));
		ck_assert(bytes_equal(bytes_of(out, len), bytes_of_text(published[i][0])));
	}
	for (size_t i = 0; i < COUNT(refused); i++)
		ck_assert_msg(
			!base64_read(refused[i], strlen(refused[i]), out, &len), "%s", refused[i]);
	for (size_t n = 0; n <= sizeof(in); n++) {
		for (size_t i = 0; i < n; i++)
			in[i] = (uint8_t)(i * 151 + n * 97);
		ck_assert_uint_eq(base64_write(bytes_of(in, n), text), BASE64_LEN(n));
		ck_assert(base64_read(text, strlen(text), out, &len));
		ck_assert(bytes_equal(bytes_of(in, n), bytes_of(out, len)));
	}
}
END_TEST

static char cleaned[8];

static void note_clean(void *object)
{
	strcat(cleaned, object);
}

START_TEST(arenas)
{
	struct arena *a = arena_new(1u << 16);

	ck_assert_ptr_nonnull(a);
	for (size_t len = 0; len < 300; len++) {
		uint8_t *at = arena_alloc(a, len);

		ck_assert_ptr_nonnull(at);
		ck_assert_uint_eq((uintptr_t)at % 16, 0);
		for (size_t i = 0; i < len; i++)
			ck_assert_uint_eq(at[i], 0);
		memset(at, 0xff, len);
	}
	ck_assert_str_eq(arena_copy(a, "abc", 2), "ab");
	ck_assert_str_eq(arena_printf(a, "%d-%s", 7, "x"), "7-x");
	ck_assert_ptr_null(arena_alloc(a, 1u << 16));
	ck_assert_ptr_null(arena_alloc(a, SIZE_MAX));
	ck_assert_ptr_null(arena_copy(a, "", SIZE_MAX));
	ck_assert_int_eq(arena_on_free(a, note_clean, "1"), 1);
	ck_assert_int_eq(arena_on_free(a, note_clean, "2"), 1);
	cleaned[0] = '\0';
	arena_free(a);
	ck_assert_str_eq(cleaned, "21");
	arena_free(NULL);
}
END_TEST

START_TEST(outcomes)
{
	for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
		enum outcome o = (enum outcome)i;
		int status = outcome_http_status(o);
		enum outcome_kind kind = outcome_kind(o);

		ck_assert(outcome_name(o)[0] != '\0' && outcome_title(o)[0] != '\0');
		if (i >= NO_ROW)
			continue;
		ck_assert_str_eq(outcome_name(o), outcome_cause(o));
		ck_assert_int_eq(outcome_from_cause(outcome_cause(o)), o);
		ck_assert(kind == (status == 200         ? KIND_FINE
					  : status < 500 ? KIND_REFUSED
							 : KIND_TRANSIENT));
	}
	ck_assert_int_eq(outcome_http_status(SIGNATURE_INVALID), 403);
	ck_assert_int_eq(outcome_http_status(DIMSI_IN_USE), 409);
	ck_assert_int_eq(outcome_http_status(CREDENTIAL_RETIRED), 410);
	ck_assert_str_eq(outcome_cause(NO_MEMORY), "OVERLOADED");
	ck_assert_str_eq(outcome_cause(BROKEN), "SYSTEM_FAILURE");
	ck_assert_int_eq(outcome_from_cause("SYSTEM_FAILURE"), BROKEN);
	ck_assert_int_eq(outcome_from_cause("no such cause"), BROKEN);
}
END_TEST

static bool read_text(const char *text, struct settings *s, char *error, size_t error_size)
{
	char path[] = "/tmp/test-base-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	bool fine = settings_read(path, s, error, error_size);

	unlink(path);
	return fine;
}

START_TEST(settings_good)
{
	struct settings s;
	char error[300];

	ck_assert(settings_read(NULL, &s, error, sizeof(error)));
	ck_assert_uint_eq(s.home.digits, 5);
	ck_assert_uint_eq(s.discovery_count, 1);
	ck_assert_uint_eq(s.largest_tree, 64);
	settings_free(&s);
	ck_assert(read_text("[server]\nlisten = 127.0.0.1:1\n[network]\n"
			    "discovery_plmns =  00199  310410 \n[hsm]\nlargest_tree = 1\n"
			    "[devices]\ncertificate_networks = 10.1.0.0/16  fd00::/8\t127.0.0.1 \n",
		&s, error, sizeof(error)));
	ck_assert_str_eq(s.listen, "127.0.0.1:1");
	ck_assert_uint_eq(s.largest_tree, 1);
	ck_assert_uint_eq(s.discovery_count, 2);
	ck_assert(settings_is_discovery_imsi(&s, 310410000000001));
	ck_assert(settings_is_discovery_imsi(&s, 1990000000001));
	ck_assert(!settings_is_discovery_imsi(&s, 1010000000001));
	settings_free(&s);
}
END_TEST

START_TEST(settings_refused)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "[server]\nno_such = 1\n", ":2: " },
		{ "[nowhere]\nlisten = x\n", ":2: " },
		{ "[server]\nlisten = a\n\nlisten = b\n", ":4: " },
		{ "[server]\nreactors = 0\n", ":2: " },
		{ "[server]\nreactors = 65\n", "1 to 64" },
		{ "[server]\nreactors = -1\n", ":2: " },
		{ "[server]\nreactors = 1x\n", ":2: " },
		{ "[server]\nreactors =\n", ":2: " },
		{ "[server]\nreactors = 99999999999999999999\n", ":2: " },
		{ "[server]\nreactors\n", ":2: " },
		{ "[network]\nhome_plmn = 0010\n", "home_plmn" },
		{ "[network]\ndiscovery_plmns = 00199 x\n", "discovery_plmns" },
		{ "[devices]\ncertificate_networks = 10.0.0.0/8 10.1.0.0/33\n", "'10.1.0.0/33'" },
		{ "[devices]\ncertificate_networks = ca.example\n", "'ca.example'" },
		{ "[devices]\ncertificate_networks = 10.0.0.0/8,fd00::/8\n",
			"certificate_networks" },
		{ "[devices]\ncertificate_networks = 10.1/16\n", "certificate_networks" },
		{ "[devices]\ncertificate_networks = fd00::/129 \n", "'fd00::/129'" },
		{ "[devices]\ncertificate_networks = fd00::/\n", "certificate_networks" },
		{ "[attach]\ndnn =\n", "[attach] dnn: not 1 to 64 bytes" },
		{ "[attach]\nprovisioning_server =\n", "provisioning_server" },
		{ "[devices]\nnetwork_name = "
		  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefg\n",
			"[devices] network_name: not 1 to 64 bytes" },
	};
	struct settings s;
	char error[300];

	for (size_t i = 0; i < COUNT(cases); i++) {
		ck_assert_msg(
			!read_text(cases[i].text, &s, error, sizeof(error)), "%s", cases[i].text);
		ck_assert_msg(strstr(error, cases[i].why) != NULL, "%s", error);
	}
	ck_assert(!settings_read("/no/such/file", &s, error, sizeof(error)));
}
END_TEST

START_TEST(settings_reloaded)
{
	struct settings s, fresh;
	char error[300];
	char kept[300];

	ck_assert(settings_read(NULL, &s, error, sizeof(error)));
	ck_assert(read_text("[server]\nlog_level = debug\nlisten = 127.0.0.1:2\ndeadline_ms = 200\n"
			    "reactors = 2\n",
		&fresh, error, sizeof(error)));
	settings_reload(&s, &fresh, kept, sizeof(kept));
	ck_assert_str_eq(s.log_level, "debug");
	ck_assert_uint_eq(s.deadline_ms, 200);
	ck_assert_str_eq(s.listen, "127.0.0.1:8480");
	ck_assert_str_eq(kept, "server.listen,server.reactors");
	settings_free(&s);
	settings_free(&fresh);
}
END_TEST

/* The sample with every `;name = value` line taken in is a file that settings_read takes. */
START_TEST(settings_sample)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct settings s;
	char error[300];
	char *to, *from;

	ck_assert_ptr_nonnull(out);
	settings_print_sample(out);
	fclose(out);
	for (to = from = text; *from != '\0'; from++)
		if (*from != ';' || from == text || from[-1] != '\n' || from[1] == ' ')
			*to++ = *from;
	*to = '\0';
	ck_assert_msg(read_text(text, &s, error, sizeof(error)), "%s", error);
	ck_assert_uint_eq(s.imsi_block, 4096);
	settings_free(&s);
	free(text);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { imsi_published, imsi_strict, plmns, buffers, hex, base64,
		arenas, outcomes, settings_good, settings_refused, settings_reloaded,
		settings_sample };

	return suite_run("base", tests, sizeof(tests) / sizeof(tests[0]));
}
