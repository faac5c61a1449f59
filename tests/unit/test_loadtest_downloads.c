/* What arpfload writes and reads in sections 9 and 10, the eUICCs of its fleets, its mixes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/aes.h"
#include "loadtest/credential_attach.h"
#include "loadtest/download.h"
#include "loadtest/fleet_create.h"
#include "loadtest/json_scan.h"
#include "loadtest/mix.h"
#include "loadtest/offer.h"
#include "loadtest/procedures.h"
#include "pki/certificate.h"
#include "tests/unit/suite.h"

#define EID   "89049032123451234512345678901235"
#define ID    "00112233445566778899aabbccddeeff"
#define HASH  "0011223344556677889900112233445566778899001122334455667788990011"
#define NONCE "AQIDBAUGBwgJCgsMDQ4PEA=="

static struct bytes text(const char *t)
{
	return bytes_of_text(t);
}

/* Answers with one letter of each of these made another are refused, and so is each that is cut. */
static void check_needed(
	const char *good, const char *const *needed, size_t count, bool (*read)(struct bytes in))
{
	char changed[4096];

	ck_assert_uint_lt(strlen(good), sizeof(changed));
	ck_assert(read(text(good)));
	for (size_t i = 0; i < count; i++) {
		snprintf(changed, sizeof(changed), "%s", good);
		char *at = strstr(changed, needed[i]);
		ck_assert_msg(at != NULL, "%s", needed[i]);
		*at = '~';
		ck_assert_msg(!read(text(changed)), "%s", needed[i]);
	}
	for (size_t len = 0; len < strlen(good); len++)
		ck_assert(!read(bytes_of(good, len)));
}

#define CHECK_NEEDED(good, needed, read) \
	check_needed(good, needed, sizeof(needed) / sizeof((needed)[0]), read)

/* An offer with this chain; out holds 4,096 characters. */
static const char *write_offer(const char *id_member, const char *chain, char *out)
{
	uint8_t point[65] = { 4, 1, 2 }, signature[64] = { 3 };
	char key[BASE64_LEN(65) + 1], signed_by[BASE64_LEN(64) + 1];

	base64_write(BYTES(point), key);
	base64_write(BYTES(signature), signed_by);
	snprintf(out, 4096,
		"{\"%s\":\"" ID "\",\"serverNonce\":\"" NONCE "\",\"ephemeralPublicKey\":\"%s\","
		"\"certificateChain\":[%s],\"signature\":{\"suite\":\"ecdsa-p256-sha256\","
		"\"signerId\":\"" HASH
		"\",\"signature\":\"%s\",\"treeSize\":1,\"leafIndex\":0,\"path\":[]}}",
		id_member, key, chain, signed_by);
	return out;
}

static bool read_offer(struct bytes in)
{
	struct offer_answer a;

	return offer_read_answer(in, "attachId", &a);
}

START_TEST(test_offer)
{
	static const char *const needed[] = { "attachId", ID, "serverNonce", NONCE, "ephemeral",
		"BAEC", "certificateChain", "MAAB", "signature\":{", "suite", "treeSize" };
	char good[4096], five[4096];
	struct offer_answer a;

	write_offer("attachId", "\"MAAB\",\"MAA=\"", good);
	CHECK_NEEDED(good, needed, read_offer);
	ck_assert(offer_read_answer(text(good), "attachId", &a));
	ck_assert_str_eq(a.offer.id, ID);
	ck_assert_uint_eq(a.offer.nonce[15], 16);
	ck_assert_uint_eq(a.offer.ephemeral[2], 2);
	ck_assert_uint_eq(a.chain.count, 2);
	ck_assert(bytes_equal(a.chain.der[0], bytes_of("\x30\0\x01", 3)));
	ck_assert(bytes_equal(a.chain.der[1], bytes_of("\x30\0", 2)));
	/* the same object is read anew */
	ck_assert(offer_read_answer(text(good), "attachId", &a));
	ck_assert_uint_eq(a.chain.count, 2);
	ck_assert(!offer_read_answer(text(good), "downloadId", &a));
	write_offer("attachId", "\"MAAB\",\"MAAB\",\"MAAB\",\"MAAB\",\"MAAB\"", five);
	ck_assert(!read_offer(text(five)));
}
END_TEST

START_TEST(test_certificates_too_long)
{
	size_t len = BASE64_LEN(ARPF_CERT_MAX) + 3;
	char *value = malloc(len + 1);
	static struct certificate_room room;
	struct bytes der;

	memset(value, 'A', len);
	value[0] = value[len - 1] = '"';
	ck_assert(!certificate_read_json(&room, bytes_of(value, len), &der));
	/* as long as may be, as often as may be */
	len = ARPF_CERT_MAX / 3 * 4 + 2;
	value[len - 1] = '"';
	for (int i = 0; i < 2 + CHAIN_MOST; i++)
		ck_assert(certificate_read_json(&room, bytes_of(value, len), &der));
	while (certificate_read_json(&room, bytes_of(value, len), &der))
		ck_assert_uint_le(room.used, sizeof(room.at));
	free(value);
}
END_TEST

START_TEST(test_requests)
{
	struct handshake h = { .kind = HANDSHAKE_ATTACH, .subject = EID, .id = ID };
	char body[OFFER_REPLY_MAX];
	uint8_t leaf[CERTIFICATE_MAX + 1] = { 0x30 }, signature[64] = { 7 };
	char issuer[BASE64_LEN(CERTIFICATE_MAX) + 1];
	struct shown_chain chain = { bytes_of(leaf, CERTIFICATE_MAX), issuer };

	for (uint8_t i = 0; i < 16; i++)
		h.device_nonce[i] = (uint8_t)(i + 1);
	body[credential_attach_write_request(&h, body)] = '\0';
	ck_assert_str_eq(body, "{\"attachType\":\"REMOTE_PROVISIONING\",\"eid\":\"" EID
			       "\",\"ueNonce\":\"" NONCE "\"}");
	body[download_write_request(&h, ID, body)] = '\0';
	ck_assert_str_eq(body,
		"{\"eid\":\"" EID "\",\"attachId\":\"" ID "\",\"deviceNonce\":\"" NONCE "\"}");
	memcpy(h.subject, "imsi-001010000000001", 21);
	body[download_write_request(&h, NULL, body)] = '\0';
	ck_assert_str_eq(body, "{\"supi\":\"imsi-001010000000001\",\"deviceNonce\":\"" NONCE "\"}");

	/* certificates as long as may be */
	base64_write(bytes_of(leaf, CERTIFICATE_MAX), issuer);
	size_t len = offer_write_reply(&h, signature, &chain, body);
	struct json_scan whole;
	struct json_member m;
	unsigned members = 0;
	ck_assert_uint_gt(len, 0);
	ck_assert(json_scan_object(bytes_of(body, len), &whole));
	for (; json_scan_member(&whole, &m); members++)
		if (json_is(&m, "signature")) {
			uint8_t read[64];
			ck_assert(json_scan_base64(m.value, read, 64));
			ck_assert_mem_eq(read, signature, 64);
		}
	ck_assert_uint_eq(members, 3);
	ck_assert(whole.ended);
	chain.leaf.len++;
	ck_assert_uint_eq(offer_write_reply(&h, signature, &chain, body), 0);
}
END_TEST

static const char accept_answer[] =
	"{\"pduSession\":{\"id\":\"" ID "\",\"dnn\":\"provisioning\",\"allowedDestinations\":"
	"[\"dp.example:443\",\"192.0.2.1:53\"],\"expiresAt\":1893456000},\"provisioningServer\":"
	"\"https://dp.example\",\"mac\":\"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}";

static bool read_accept(struct bytes in)
{
	struct credential_accept a;

	return credential_attach_read_answer(in, &a);
}

START_TEST(test_accept)
{
	static const char *const needed[] = { "pduSession", "id", "dnn", "allowedD", ":443",
		"expiresAt", "1893", "provisioningS", "mac", "CQAA" };
	struct credential_accept a;

	CHECK_NEEDED(accept_answer, needed, read_accept);
	ck_assert(credential_attach_read_answer(text(accept_answer), &a));
	ck_assert_str_eq(a.accept.session_id, ID);
	ck_assert(bytes_equal(a.accept.dnn, text("provisioning")));
	ck_assert(bytes_equal(a.accept.provisioning_server, text("https://dp.example")));
	ck_assert_uint_eq(a.accept.expires_at, 1893456000);
	ck_assert_uint_eq(a.accept.mac[0], 9);
	ck_assert(bytes_equal(a.destinations, text("[\"dp.example:443\",\"192.0.2.1:53\"]")));
	/* a session that leads nowhere is none */
	ck_assert(!read_accept(text("{\"pduSession\":{\"id\":\"" ID
				    "\",\"dnn\":\"d\",\"allowedDestinations\":[],\"expiresAt\":1},"
				    "\"provisioningServer\":\"https://dp.example\",\"mac\":"
				    "\"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}")));
}
END_TEST

static const char profile[] =
	"{\"version\":1,\"supi\":\"imsi-001010000000007\",\"k\":"
	"\"000102030405060708090a0b0c0d0e0f\",\"opc\":\"101112131415161718191a1b1c1d1e1f\","
	"\"networkIdentity\":{\"mcc\":\"001\"},\"issuedAt\":\"2026-01-01T00:00:00Z\","
	"\"notAfter\":\"2036-01-01T00:00:00Z\"}";

/* As a server binds it, whatever it says. */
static bool open_profile(struct bytes json)
{
	struct handshake h = { .kind = HANDSHAKE_DOWNLOAD, .subject = EID, .id = ID };
	struct bound_profile bound = { .iv = { 1 }, .ciphertext_len = json.len + 16 };
	struct installed_profile p;
	uint8_t room[BOUND_PROFILE_MAX];
	static const uint8_t aad[] = "arpf dp profile v1\0\0\x20" ID "\0\x20" EID;

	ck_assert_int_eq(aes_gcm_seal(bytes_of(h.keys, 32), bound.iv,
				 bytes_of(aad, sizeof(aad) - 1), json, bound.ciphertext),
		FINE);
	enum outcome o = bound_profile_open(&h, &bound, room, &p);

	if (o == FINE) {
		ck_assert_uint_eq(p.imsi, UINT64_C(1010000000007));
		ck_assert_uint_eq(p.k[15], 15);
		ck_assert_uint_eq(p.opc[0], 16);
		ck_assert(bytes_equal(p.network, text("{\"mcc\":\"001\"}")));
	} else {
		ck_assert_int_eq(o, INVALID_PARAMETER);
	}
	return o == FINE;
}

START_TEST(test_profile)
{
	static const char *const needed[] = { "version", "1,\"supi", "supi", "imsi-", "\"k", "0001",
		"opc", "1011", "networkI", "issuedAt", "notAfter" };

	CHECK_NEEDED(profile, needed, open_profile);
}
END_TEST

static bool read_bound(struct bytes in)
{
	struct bound_profile b;

	return bound_profile_read_answer(in, &b);
}

START_TEST(test_bound_profile)
{
	static const char *const needed[] = { "boundProfile", "iv", "AQAA", "ciphertext" };
	static const char good[] = "{\"boundProfile\":{\"iv\":\"AQAAAAAAAAAAAAAA\",\"ciphertext\":"
				   "\"AgME\"}}";
	struct bound_profile b;
	size_t longest = BASE64_LEN(BOUND_PROFILE_MAX) + 64;
	char *endless = malloc(longest + 8);

	CHECK_NEEDED(good, needed, read_bound);
	ck_assert(bound_profile_read_answer(text(good), &b));
	ck_assert_uint_eq(b.iv[0], 1);
	ck_assert_uint_eq(b.ciphertext_len, 3);
	ck_assert_uint_eq(b.ciphertext[2], 4);
	size_t at = (size_t)snprintf(endless, longest,
		"{\"boundProfile\":{\"iv\":\"AQAAAAAAAAAAAAAA\",\"ciphertext\":\"");
	memset(endless + at, 'A', BASE64_LEN(BOUND_PROFILE_MAX));
	snprintf(endless + at + BASE64_LEN(BOUND_PROFILE_MAX), 4, "\"}}");
	ck_assert(!read_bound(text(endless)));
	free(endless);
}
END_TEST

START_TEST(test_notification)
{
	struct handshake h = { .kind = HANDSHAKE_DOWNLOAD, .subject = EID, .id = ID };
	char body[DOWNLOAD_BODY_MAX], mac_text[BASE64_LEN(32) + 1], expected[DOWNLOAD_BODY_MAX];
	uint8_t mac[32];
	size_t len;

	ck_assert_int_eq(download_write_notification(&h, "INSTALLED", body, &len), FINE);
	ck_assert_int_eq(download_notification_mac(&h, "INSTALLED", mac), FINE);
	base64_write(BYTES(mac), mac_text);
	snprintf(expected, sizeof(expected), "{\"result\":\"INSTALLED\",\"mac\":\"%s\"}", mac_text);
	ck_assert_uint_eq(len, strlen(expected));
	ck_assert_str_eq(body, expected);
}
END_TEST

START_TEST(test_euicc_fleet)
{
	struct fleet f = { .fd = -1 }, other = { .fd = -1 };
	struct fleet_record r;
	struct certificate c;
	struct authority again;
	uint8_t point[P256_POINT_LEN], digest[32];
	char eid[EID_LEN + 1], ein[EIN_LEN + 1];
	const struct fleet_kind *kind = procedure_find("device-attach")->fleet;
	struct fleet_making making = { &f, NULL, NULL };

	ck_assert_ptr_eq(procedure_find("profile-download")->fleet, kind);
	ck_assert(fleet_describe(&f, kind, NULL, FLEET_RANDOM_FIRST, 10, 3));
	for (uint64_t i = 0; i < 7; i++) {
		const struct euicc *e = &r.euicc;
		const struct authority *eum = &f.maker.parts[i % 3];

		ck_assert_int_eq(kind->make(&making, i, &r), FINE);
		ck_assert(eid_is_valid(text(e->eid)));
		maker_ein((unsigned)(i % 3), ein);
		ck_assert_mem_eq(e->eid, ein, EIN_LEN);
		ck_assert_int_eq(
			certificate_read(bytes_of(e->certificate, e->certificate_len), &c), FINE);
		ck_assert(bytes_equal(c.serial_number, text(e->eid)));
		ck_assert_int_eq(p256_public_of(e->key, point), FINE);
		ck_assert(bytes_equal(c.public_key, BYTES(point)));
		ck_assert_int_eq(certificate_digest(&c, digest), FINE);
		ck_assert_int_eq(p256_verify(BYTES(eum->point), digest, c.signature), FINE);
		ck_assert(fleet_eid(&f.header, i, eid));
		ck_assert_str_eq(eid, e->eid);
	}
	/* an EUM of a file is the same */
	ck_assert_int_eq(authority_restore(&again, authority_certificate(&f.maker.parts[2]),
				 f.maker.parts[2].scalar),
		FINE);
	ck_assert_str_eq(again.organization, f.maker.parts[2].organization);
	ck_assert_str_eq(again.name, f.maker.parts[2].name);
	/* another fleet's are others */
	ck_assert(fleet_describe(&other, kind, NULL, FLEET_RANDOM_FIRST, 10, 3));
	ck_assert(fleet_eid(&other.header, 0, eid));
	ck_assert(fleet_eid(&f.header, 0, r.euicc.eid));
	ck_assert_str_ne(eid, r.euicc.eid);
	ck_assert(!fleet_eid(&f.header, UINT64_C(10000000000), eid));
}
END_TEST

START_TEST(test_mix)
{
	struct mix m;
	uint64_t before, had[3] = { 0 };

	ck_assert(mix_read("auth-data=5,companion-dh=3,device-attach=2", &m));
	ck_assert_uint_eq(m.count, 3);
	ck_assert_uint_eq(m.cycle, 10);
	for (uint64_t n = 0; n < 1000; n++) {
		unsigned i = mix_turn(&m, n, &before);

		ck_assert_uint_lt(i, 3);
		ck_assert_uint_eq(before, had[i]);
		had[i]++;
		/* never further from its share than one turn */
		for (unsigned k = 0; k < 3; k++)
			ck_assert_double_le_tol(
				(double)had[k], (double)((n + 1) * m.shares[k]) / 10., 1.);
	}
	ck_assert_uint_eq(had[0], 500);
	ck_assert_uint_eq(had[1], 300);
	ck_assert_uint_eq(had[2], 200);
	/* up to, and without, the turn that there is no device for */
	for (unsigned i = 0; i < 3; i++)
		for (uint64_t devices = 0; devices < 20; devices++) {
			uint64_t items = mix_items(&m, i, devices), turns = 0;

			for (uint64_t n = 0; n < items; n++)
				turns += mix_turn(&m, n, &before) == i;
			ck_assert_uint_eq(turns, devices);
			ck_assert_uint_eq(mix_turn(&m, items, &before), i);
		}
}
END_TEST

START_TEST(test_mix_refused)
{
	static const char *const bad[] = { "", "auth-data", "auth-data=", "auth-data=0",
		"auth-data=-1", "auth-data=1x", "auth-data=1001", "auth-data=600,companion-dh=401",
		"auth-data=1,auth-data=2", "nothing=1", "auth-data=1,", "=3" };
	struct mix m;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!mix_read(bad[i], &m), "%s", bad[i]);
	ck_assert(mix_read("auth-data=1", &m));
	ck_assert(mix_read("auth-data=600,companion-dh=400", &m));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_offer,
		test_certificates_too_long,
		test_requests,
		test_accept,
		test_profile,
		test_bound_profile,
		test_notification,
		test_euicc_fleet,
		test_mix,
		test_mix_refused,
	};

	return suite_run("loadtest downloads", tests, sizeof(tests) / sizeof(tests[0]));
}
