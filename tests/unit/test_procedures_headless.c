/* A headless device added to its companion's subscription: what is asked, what is answered, what is refused. */
#include "base/clock.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"
#include "tests/unit/headless_world.h"
#include "tests/unit/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void expect_calls(const char *const *names)
{
	unsigned count = 0;

	for (; names[count] != NULL; count++)
		ck_assert_str_eq(lanes.calls[count], names[count]);
	ck_assert_uint_eq(lanes.count, count);
}
#define EXPECT_CALLS(...) expect_calls((const char *const[]){ __VA_ARGS__, NULL })

/* The profile of the answer; the caller gives it back. Its signature is over these very bytes. */
static json_t *take_profile(void)
{
	uint8_t bytes[4096], room[4200], leaf[MERKLE_HASH_LEN];
	const char *base64 = text("profile");
	struct transcript m = transcript_start(room, sizeof(room), "arpf profile v1");
	struct bytes message;
	size_t len;

	ck_assert(base64_read(base64, strlen(base64), bytes, &len));
	transcript_add(&m, bytes_of(bytes, len));
	ck_assert(transcript_end(&m, &message));
	ck_assert_int_eq(merkle_leaf(message, leaf), FINE);
	ck_assert_mem_eq(leaf, lanes.leaf, sizeof(leaf));
	json_t *profile = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(profile);
	return profile;
}

static const char *member(const json_t *in, const char *name)
{
	const char *v = json_string_value(json_object_get(in, name));

	ck_assert_msg(v != NULL, "%s", name);
	return v;
}

static void expect_base64(const json_t *in, const char *name, const void *at, size_t len)
{
	char wanted[1024];

	base64_write(bytes_of(at, len), wanted);
	ck_assert_str_eq(member(in, name), wanted);
}

START_TEST(test_added)
{
	struct key_device *made = &(struct key_device){ 0 };
	char access_id[33], when[CLOCK_TEXT_LEN];
	uint8_t room[100], hash[32];
	struct bytes message;

	begin_headless();
	run_addition(good_addition);
	ck_assert_int_eq(ended.status, 201);
	EXPECT_CALLS("find-session", key_operation_name(KEY_CHECK_ADDITION), "fetch",
		"find-credential", "find-headless", "imsi", key_operation_name(KEY_DERIVE_DEVICE),
		key_operation_name(KEY_SIGN), "add-headless");
	/* 2 */
	ck_assert(bytes_equal(
		bytes_of(lanes.checked.url, lanes.checked.url_len), bytes_of_text(HEADLESS_URL)));
	ck_assert(lanes.checked.session.imsi == (uint64_t)COMPANION && lanes.checked.mac[31] == 31);
	ck_assert_mem_eq(&lanes.checked.k, lanes.session.kept.at, sizeof(lanes.checked.k));
	ck_assert_str_eq(lanes.urls[0], HEADLESS_URL);
	/* 5 */
	struct transcript m = transcript_start(room, sizeof(room), "arpf device v1");
	transcript_add_text(&m, "Acme");
	transcript_add_text(&m, "dev-1");
	ck_assert(transcript_end(&m, &message) && sha256(&message, 1, hash) == FINE);
	ck_assert_mem_eq(hash, lanes.found_hash, sizeof(hash));
	ck_assert_mem_eq(hash, lanes.added.device_hash, sizeof(hash));
	/* 6, 7 */
	const struct key_derive_device_in *d = &lanes.derived;
	ck_assert(d->imsi == FIRST_IMSI && d->companion.len == 84 && d->companion.at[83] == 0x5c);
	ck_assert(d->scheme == DEVICE_KEY_ECIES_P256 && d->device_key_len == P256_POINT_LEN);
	ck_assert(bytes_equal(bytes_of(d->model.at, d->model.len), bytes_of_text("Meter 7")));
	ck_assert_mem_eq(&d->k, lanes.session.kept.at, sizeof(d->k));
	/* 8 */
	json_t *p = take_profile();
	hex_write(BYTES(lanes.added.access_id), access_id);
	ck_assert_str_eq(member(p, "accessId"), access_id);
	ck_assert_str_eq(member(p, "supi"), "imsi-001010000001000");
	ck_assert_str_eq(member(p, "deviceId"), "dev-1");
	ck_assert_str_eq(member(p, "manufacturer"), "Acme");
	ck_assert_str_eq(member(p, "model"), "Meter 7");
	ck_assert_int_eq(json_integer_value(json_object_get(p, "version")), 1);
	const json_t *network = json_object_get(p, "networkIdentity");
	ck_assert_str_eq(member(network, "mcc"), "001");
	ck_assert_str_eq(member(network, "mnc"), "001");
	ck_assert_str_eq(member(network, "name"), "Test \"network\"");
	clock_write(lanes.added.issued_at, when);
	ck_assert_str_eq(member(p, "issuedAt"), when);
	clock_write(lanes.added.issued_at + 3600, when);
	ck_assert_str_eq(member(p, "notAfter"), when);
	const json_t *k_prime = json_object_get(p, "encryptedKPrime");
	memset(made, 0xe1, sizeof(made->ephemeral));
	ck_assert_str_eq(member(k_prime, "scheme"), "ecies-p256");
	expect_base64(k_prime, "ephemeralPublicKey", made, sizeof(made->ephemeral));
	memset(made, 0xe2, sizeof(*made));
	expect_base64(k_prime, "mac", made, 32);
	memset(made, 0xe3, sizeof(*made));
	expect_base64(k_prime, "ciphertext", made, 32);
	json_decref(p);
	expect_base64(ended.json, "nonce", d->n2, sizeof(d->n2));
	const json_t *sealed = json_object_get(ended.json, "sealedKDoublePrime");
	memset(made, 0xe4, sizeof(*made));
	expect_base64(sealed, "iv", made, 12);
	memset(made, 0xe5, sizeof(*made));
	expect_base64(sealed, "ciphertext", made, 48);
	ck_assert_str_eq(member(json_object_get(ended.json, "profileSignature"), "suite"),
		"ecdsa-p256-sha256");
	ck_assert(lanes.added.owner == COMPANION && lanes.added.owner_version == 3);
	ck_assert_int_eq(lanes.added.imsi, (int64_t)FIRST_IMSI);
	ck_assert_uint_eq(lanes.added.sealed.len, 84);
	ck_assert_mem_eq(lanes.added.n2, d->n2, sizeof(d->n2));
	ck_assert_mem_ne(lanes.added.n1, d->n2, sizeof(d->n2));
	end_headless();
}
END_TEST

START_TEST(test_rsa)
{
	struct pki_recipe recipe;
	struct pki_made made;

	begin_headless();
	recipe = device_recipe(DEVICE);
	recipe.key = rsa_key;
	pki_make(&recipe, &made);
	struct bytes body = PEM_OF(&made, &headless_made[ISSUING]);
	lanes.pages[0].body = body;
	run_addition(good_addition);
	ck_assert_int_eq(ended.status, 201);
	ck_assert(lanes.derived.scheme == DEVICE_KEY_RSA_OAEP_SHA256);
	ck_assert_uint_gt(lanes.derived.device_key_len, 256);
	json_t *p = take_profile();
	const json_t *k_prime = json_object_get(p, "encryptedKPrime");
	ck_assert_str_eq(member(k_prime, "scheme"), "rsa-oaep-sha256");
	ck_assert_uint_eq(strlen(member(k_prime, "ciphertext")), BASE64_LEN(256));
	ck_assert_uint_eq(json_object_size(k_prime), 2);
	json_decref(p);
	bytes_free(body);
	end_headless();
}
END_TEST

/* Nothing of the request is looked at before its MAC, and nothing is fetched that is not to be. */
START_TEST(test_before_the_fetch)
{
	static const char *const urls[] = { "ftp://ca.example/", "https://ca.example@evil.example/",
		"https://evil.example/", "http://ca.example/", "https://ca.example/ x",
		"https://ca.example/\xc3\xa9" };

	begin_headless();
	for (size_t i = 0; i < COUNT(urls); i++) {
		reset_headless();
		run_addition(with(good_addition, HEADLESS_URL, urls[i]));
		expect_refused(INVALID_PARAMETER);
		ck_assert_str_eq(ended.param, "deviceUrl");
		ck_assert_uint_eq(lanes.page, 0);
		reset_headless();
		lanes.mac = MAC_INVALID;
		run_addition(with(good_addition, HEADLESS_URL, urls[i]));
		expect_refused(MAC_INVALID);
		ck_assert_uint_eq(lanes.count, 2);
	}
	reset_headless();
	run_addition(with(good_addition, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "AAAA"));
	expect_refused(MAC_INVALID);
	EXPECT_CALLS("find-session");
	reset_headless();
	lanes.session_brings = NO_ROW;
	run_addition(good_addition);
	expect_refused(SESSION_NOT_FOUND);
	reset_headless();
	lanes.session.is_expired = true;
	run_addition(good_addition);
	expect_refused(SESSION_EXPIRED);
	reset_headless();
	run_addition(with(good_addition, "deviceUrl", "x"));
	expect_refused(MISSING_PARAMETER);
	run_addition(with(good_addition, "\"mac\"", "\"x\""));
	expect_refused(MISSING_PARAMETER);
	run_addition(with(good_addition, "aKId", "x"));
	expect_refused(MISSING_PARAMETER);
	run_addition(with(good_addition, "\"" HEADLESS_URL "\"", "5"));
	expect_refused(INVALID_PARAMETER);
	run_addition(with(good_addition, HEADLESS_URL, ""));
	expect_refused(INVALID_PARAMETER);
	ck_assert_uint_eq(lanes.count, 0);
	end_headless();
}
END_TEST

static const struct headless_page bad_pages[] = {
	{ .outcome = PEER_FAILED },
	{ .outcome = PEER_TIMEOUT },
	{ .status = 404, .type = "application/pkix-cert" },
	{ .status = 200, .type = "text/html" },
	{ .status = 200, .type = "" },
	{ .status = 200, .type = "application/pkix-cert", .body = { (const uint8_t *)"x", 1 } },
	{ .status = 200, .type = "application/pem-certificate-chain", .body = { NULL, 0 } },
	{ .status = 302, .type = "" },
	{ .status = 302, .type = "", .location = "https://evil.example/" },
	{ .status = 302, .type = "", .location = "http://ca.example/" },
	{ .status = 302, .type = "", .location = "https://u@ca.example/" },
	{ .status = 302, .type = "", .location = "file:///etc/passwd" },
};

START_TEST(test_fetch_failed)
{
	begin_headless();
	for (size_t i = 0; i < COUNT(bad_pages); i++) {
		reset_headless();
		lanes.pages[0] = bad_pages[i];
		run_addition(good_addition);
		expect_refused(CERTIFICATE_FETCH_FAILED);
		ck_assert_uint_eq(lanes.page, 1);
		ck_assert_ptr_null(ended.param);
	}
	end_headless();
}
END_TEST

START_TEST(test_redirects)
{
	static const char *const targets[] = { "https://other.example/2", "https://ca.example/3",
		"https://ca.example:443/4", "https://ca.example/5" };

	begin_headless();
	for (unsigned hops = 1; hops <= COUNT(targets); hops++) {
		reset_headless();
		lanes.pages[hops] = lanes.pages[0];
		for (unsigned i = 0; i < hops; i++)
			lanes.pages[i] = (struct headless_page){
				.status = 302, .type = "", .location = targets[i]
			};
		run_addition(good_addition);
		if (hops > FETCH_MOST_REDIRECTS) {
			expect_refused(CERTIFICATE_FETCH_FAILED);
			ck_assert_uint_eq(lanes.page, FETCH_MOST_REDIRECTS + 1);
			continue;
		}
		ck_assert_int_eq(ended.status, 201);
		for (unsigned i = 0; i < hops; i++)
			ck_assert_str_eq(lanes.urls[i + 1], targets[i]);
	}
	end_headless();
}
END_TEST

START_TEST(test_certificate)
{
	begin_headless();
	static const char *const others[] = { "https://ca.example/DeviceID=dev-2",
		"https://ca.example/?x&DeviceID=dev-2" };
	for (size_t i = 0; i < COUNT(others); i++) {
		reset_headless();
		run_addition(with(good_addition, HEADLESS_URL, others[i]));
		expect_refused(CERTIFICATE_UNTRUSTED);
	}
	reset_headless();
	struct bytes alone = PEM_OF(&headless_made[DEVICE]);
	lanes.pages[0].body = alone;
	run_addition(good_addition);
	expect_refused(CERTIFICATE_UNTRUSTED);
	ck_assert_uint_eq(lanes.count, 3); /* nothing of the database was asked for it */
	reset_headless();
	lanes.derives = INVALID_PARAMETER;
	run_addition(good_addition);
	expect_refused(CERTIFICATE_UNTRUSTED);
	reset_headless();
	struct trust *trust = companion_services.trust;
	companion_services.trust = NULL;
	run_addition(good_addition);
	expect_refused(DATABASE_UNAVAILABLE);
	companion_services.trust = trust;
	bytes_free(alone);
	end_headless();
}
END_TEST

START_TEST(test_kept)
{
	begin_headless();
	lanes.pages[0].fresh_s = 60;
	run_addition(good_addition);
	ck_assert_int_eq(ended.status, 201);
	reset_headless();
	run_addition(good_addition);
	ck_assert(ended.status == 201 && lanes.page == 0);
	/* another URL is another answer */
	reset_headless();
	run_addition(with(good_addition, HEADLESS_URL, HEADLESS_URL "?"));
	ck_assert(ended.status == 201 && lanes.page == 1);
	/* what is kept is verified every time, and its URL checked */
	reset_headless();
	struct trust *trust = companion_services.trust;
	companion_services.trust = trust_new();
	run_addition(good_addition);
	expect_refused(CERTIFICATE_UNTRUSTED);
	trust_give_back(companion_services.trust);
	companion_services.trust = trust;
	companion_settings.certificate_hosts = (char *)"https://other.example";
	run_addition(good_addition);
	expect_refused(INVALID_PARAMETER);
	companion_settings.certificate_hosts = (char *)"https://ca.example";
	/* what did not hold is not kept */
	forget_certificates();
	reset_headless();
	struct bytes alone = PEM_OF(&headless_made[DEVICE]);
	lanes.pages[0].body = alone;
	lanes.pages[0].fresh_s = 60;
	run_addition(good_addition);
	expect_refused(CERTIFICATE_UNTRUSTED);
	reset_headless();
	run_addition(good_addition);
	ck_assert(ended.status == 201 && lanes.page == 1);
	bytes_free(alone);
	end_headless();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_added, test_rsa, test_before_the_fetch,
		test_fetch_failed, test_redirects, test_certificate, test_kept };

	pki_make_rsa_key();
	return suite_run("procedures headless", tests, COUNT(tests));
}
