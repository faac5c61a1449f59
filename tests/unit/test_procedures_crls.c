/* /admin/v1/crls by hand: what is refused and why, what the database is asked, what is answered. */
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "pki/trust.h"
#include "procedures/administration.h"
#include "tests/unit/by_hand.h"
#include "tests/unit/crl_maker.h"
#include "tests/unit/suite.h"

static EVP_PKEY *key, *other_key;
static struct pki_made issuer;

static const char *const signs_crls[] = { "basicConstraints=critical,CA:TRUE",
	"keyUsage=critical,keyCertSign,cRLSign", NULL };

static void begin(void)
{
	key = pki_key("P-256");
	other_key = pki_key("P-256");
	pki_make(
		&(struct pki_recipe){
			.subject = "CN=CA", .key = key, .signer = key, .extensions = signs_crls },
		&issuer);
	by_hand_start();
}

static void end(void)
{
	hand_end();
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
}

static json_t *base64_json(struct bytes b)
{
	char *text = malloc(BASE64_LEN(b.len) + 1);
	json_t *json = json_stringn(text, base64_write(b, text));

	ck_assert_ptr_nonnull(json);
	free(text);
	return json;
}

/* Good from `from_s` to `to_s` seconds from now, by this machine's clock. */
static struct made_list list_of(int32_t from_s, int32_t to_s)
{
	int32_t now = (int32_t)(clock_unix() - PKI_NOW);

	return (struct made_list){ .signer = key, .this_s = now + from_s, .to_s = now + to_s };
}

/* Its issuer is given with it. */
static void post(const struct made_list *list)
{
	json_t *body = json_pack("{s:o, s:o}", "crl", base64_json(crl_make(list)), "issuer",
		base64_json(pki_bytes(&issuer)));

	hand_begin_json(&admin_add_crl, body);
	json_decref(body);
}

START_TEST(test_what_is_stored)
{
	struct certificate c;
	struct issuer_id id;

	begin();
	struct made_list list = list_of(-60, 3600);
	post(&list);
	const struct db_crl_in *in = asked_db(DB_PUT_CRL);

	ck_assert_int_eq(certificate_read(pki_bytes(&issuer), &c), FINE);
	ck_assert_int_eq(issuer_id_make(c.subject, c.spki, &id), FINE);
	ck_assert_mem_eq(in->issuer_hash, id.name, 32);
	ck_assert_mem_eq(in->signer, id.key, 32);
	ck_assert(in->is_root);
	ck_assert_uint_eq(in->scope.len, 0);
	ck_assert_uint_eq(in->crl_number.len, 1);
	ck_assert_int_eq(in->this_update, PKI_NOW + list.this_s);
	ck_assert_int_eq(in->next_update, PKI_NOW + list.to_s);
	ck_assert_int_eq(in->entries, 2);
	ck_assert_uint_eq(in->serials.len, (size_t)2 * DB_SERIAL_LEN);
	ck_assert_mem_eq(in->serials.at + 16, "\xde\xad\xbe\xef", 4);
	ck_assert_uint_eq(in->issuer_name.len, 5);
	ck_assert_mem_eq(in->issuer_name.at, "CN=CA", 5);
	bring_db(DB_PUT_CRL, FINE, &(struct db_crl_put){ .added = 2 }, sizeof(struct db_crl_put));
	check_ended(FINE);
	ck_assert_int_eq(hand.status, 201);
	ck_assert_ptr_nonnull(strstr(hand.body, "\"issuer\":\"CN=CA\",\"crlNumber\":\"07\","));
	ck_assert_ptr_nonnull(strstr(hand.body, "\"entries\":2,\"added\":2}"));
	post(&list);
	bring_db(DB_PUT_CRL, FINE, &(struct db_crl_put){ .was_there = true },
		sizeof(struct db_crl_put));
	check_ended(FINE);
	ck_assert_int_eq(hand.status, 200);
	post(&list);
	bring_db(DB_PUT_CRL, NO_ROW, NULL, 0);
	check_ended(CONFLICT);
	post(&list);
	bring_db(DB_PUT_CRL, DATABASE_UNAVAILABLE, NULL, 0);
	check_ended(DATABASE_UNAVAILABLE);
	end();
}
END_TEST

START_TEST(test_pem)
{
	char *text;

	begin();
	struct made_list list = list_of(-60, 3600);
	X509_CRL *crl = crl_make_x509(&list);
	BIO *bio = BIO_new(BIO_s_mem());

	ck_assert_int_eq(PEM_write_bio_X509_CRL(bio, crl), 1);
	long len = BIO_get_mem_data(bio, &text);
	json_t *body = json_pack("{s:s%, s:o}", "crlPem", text, (size_t)len, "issuer",
		base64_json(pki_bytes(&issuer)));
	hand_begin_json(&admin_add_crl, body);
	ck_assert_int_eq(((const struct db_crl_in *)asked_db(DB_PUT_CRL))->entries, 2);
	bring_db(DB_PUT_CRL, NO_ROW, NULL, 0);
	check_ended(CONFLICT);
	json_decref(body);
	BIO_free(bio);
	X509_CRL_free(crl);
	end();
}
END_TEST

static void check_refused(const struct made_list *list, enum outcome o, const char *detail)
{
	post(list);
	check_ended(o);
	ck_assert_msg(strstr(hand.body, detail) != NULL, "%s", hand.body);
}

START_TEST(test_what_is_refused)
{
	begin();
	struct made_list list = list_of(-60, -1);
	check_refused(&list, CERTIFICATE_EXPIRED, "past its nextUpdate");
	list = list_of(60, 3600);
	check_refused(&list, CERTIFICATE_EXPIRED, "in the future");
	list = list_of(-60, 3600);
	list.signer = other_key;
	check_refused(&list, SIGNATURE_INVALID, "signature");
	/* its dates are nobody's word before its signature has been looked at */
	list = list_of(-60, -1);
	list.signer = other_key;
	check_refused(&list, SIGNATURE_INVALID, "signature");
	list = list_of(-60, 3600);
	list.issuer = "Other";
	check_refused(&list, CERTIFICATE_UNTRUSTED, "another issuer");
	list = list_of(-60, 3600);
	list.extension = "2.5.29.27=critical,DER:020101";
	check_refused(&list, INVALID_PARAMETER, "delta");
	ck_assert_str_eq(hand.param, "crl");
	/* trust has not been read, and no issuer is given */
	list = list_of(-60, 3600);
	json_t *body = json_pack("{s:o}", "crl", base64_json(crl_make(&list)));
	hand_begin_json(&admin_add_crl, body);
	check_ended(DATABASE_UNAVAILABLE);
	json_object_set_new(body, "issuer", json_string("AAAA"));
	hand_begin_json(&admin_add_crl, body);
	check_ended(INVALID_PARAMETER);
	ck_assert_str_eq(hand.param, "issuer");
	json_decref(body);
	end();
}
END_TEST

START_TEST(test_bodies)
{
	static const struct refusal rows[] = {
		{ "", MALFORMED_REQUEST, "" },
		{ "[]", MALFORMED_REQUEST, "" },
		{ "{}", MISSING_PARAMETER, "crl" },
		{ "{\"crl\":7}", INVALID_PARAMETER, "crl" },
		{ "{\"crl\":\"\"}", INVALID_PARAMETER, "crl" },
		{ "{\"crl\":\"!\"}", INVALID_PARAMETER, "crl" },
		{ "{\"crl\":\"MAA=\"}", INVALID_PARAMETER, "crl" },
		{ "{\"crlPem\":\"\"}", INVALID_PARAMETER, "crlPem" },
		{ "{\"crlPem\":[]}", INVALID_PARAMETER, "crlPem" },
		{ "{\"crlPem\":\"-----BEGIN X509 CRL-----\"}", INVALID_PARAMETER, "crlPem" },
	};

	begin();
	check_refusals(&admin_add_crl, NULL, rows, sizeof(rows) / sizeof(rows[0]));
	end();
}
END_TEST

START_TEST(test_list)
{
	const struct db_crl rows[] = {
		{ .number = 3,
			.this_update = 1000,
			.next_update = 2000,
			.entries = 7,
			.added_at = 1500,
			.issuer_hash = { 0xab },
			.crl_number = bytes_of("\x01\xff", 2) },
		{ .number = 5, .next_update = 2000, .added_at = 1500 },
	};

	begin();
	hand_begin(&admin_list_crls, NULL, "");
	asked_db(DB_SEARCH_CRLS);
	for (int i = 0; i < 2; i++)
		hand.now->ask.db.each(&hand.now->ask.db, &rows[i]);
	bring_db(DB_SEARCH_CRLS, FINE, NULL, 0);
	check_ended(FINE);
	ck_assert_msg(
		strstr(hand.body, "{\"items\":[{\"number\":3,\"issuerHash\":\"ab00") == hand.body,
		"%s", hand.body);
	ck_assert_ptr_nonnull(
		strstr(hand.body, "\"crlNumber\":\"01ff\",\"thisUpdate\":\"1970-01-01T00:16:40Z\","
				  "\"nextUpdate\":\"1970-01-01T00:33:20Z\",\"entries\":7,"
				  "\"addedAt\":\"1970-01-01T00:25:00Z\"}"));
	ck_assert_ptr_nonnull(strstr(hand.body, "\"next\":null"));
	end();
}
END_TEST

START_TEST(test_removal)
{
	static const char *const no_numbers[] = { "x", "0", "-1", "+1", " 1", "1 ", "01", "1x",
		"0x1", "9223372036854775808", "99999999999999999999" };
	const struct db_crl_gone gone = { { 0xab }, { 0xcd }, 3 };

	begin();
	hand_begin(&admin_remove_crl, "9223372036854775807", "");
	ck_assert_int_eq(((const struct db_crl_key *)asked_db(DB_REMOVE_CRL))->number, INT64_MAX);
	bring_db(DB_REMOVE_CRL, FINE, &gone, sizeof(gone));
	check_ended(FINE);
	ck_assert_int_eq(hand.status, 200);
	ck_assert_ptr_nonnull(
		strstr(hand.body, "{\"number\":9223372036854775807,\"issuerHash\":\"ab00"));
	ck_assert_ptr_nonnull(strstr(hand.body, "\"issuerKeyHash\":\"cd00"));
	ck_assert_ptr_nonnull(strstr(hand.body, "00\",\"left\":3}"));
	hand_begin(&admin_remove_crl, "7", "");
	ck_assert_int_eq(((const struct db_crl_key *)asked_db(DB_REMOVE_CRL))->number, 7);
	bring_db(DB_REMOVE_CRL, NO_ROW, NULL, 0);
	check_ended(RESOURCE_NOT_FOUND);
	hand_begin(&admin_remove_crl, "7", "");
	bring_db(DB_REMOVE_CRL, DATABASE_UNAVAILABLE, NULL, 0);
	check_ended(DATABASE_UNAVAILABLE);
	for (size_t i = 0; i < sizeof(no_numbers) / sizeof(no_numbers[0]); i++) {
		hand_begin(&admin_remove_crl, no_numbers[i], "");
		check_ended(INVALID_PARAMETER);
		ck_assert_str_eq(hand.param, "number");
	}
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_what_is_stored,
		test_pem,
		test_what_is_refused,
		test_bodies,
		test_list,
		test_removal,
	};

	return suite_run("procedures crls", tests, sizeof(tests) / sizeof(tests[0]));
}
