/*
 * The companion UE and the device of Solution #12.x against a server played here by the formulas of
 * docs/protocol.md sections 6 and 7, on OpenSSL's HMAC and SHA-256 where that is enough.
 */
#include "device/companion_ue.h"

#include <check.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "crypto/aes.h"
#include "crypto/kdf.h"
#include "device/dh_device.h"
#include "device/eccsi_signer.h"
#include "tests/unit/suite.h"

#define IMSI UINT64_C(1010000000042)

static const uint8_t kausf[32] = { 1, 2, 3 };
static const struct af_id af = { "arpf.example", { 1, 0, 0, 0, 7 } };

/* T, by itself. */
static size_t begin_text(uint8_t *at, const char *label)
{
	memcpy(at, label, strlen(label) + 1);
	return strlen(label) + 1;
}

static size_t put_field(uint8_t *at, const void *from, size_t len)
{
	at[0] = (uint8_t)(len >> 8);
	at[1] = (uint8_t)len;
	memcpy(at + 2, from, len);
	return len + 2;
}

static size_t put_text(uint8_t *at, const char *text)
{
	return put_field(at, text, strlen(text));
}

static void hmac(const uint8_t key[32], const uint8_t *message, size_t len, uint8_t out[32])
{
	unsigned out_len;

	ck_assert_ptr_nonnull(HMAC(EVP_sha256(), key, 32, message, len, out, &out_len));
}

/* HMAC(key, FC, P0, L0, ...) of TS 33.220 clause B.2 */
static void kdf_by_openssl(const uint8_t key[32], uint8_t fc, const char *p0, const char *p1,
	size_t extra_len, const uint8_t *extra, uint8_t out[32])
{
	uint8_t s[512];
	size_t n = 0, len = strlen(p0) + extra_len;

	s[n++] = fc;
	memcpy(s + n, p0, strlen(p0));
	n += strlen(p0);
	if (extra_len > 0)
		memcpy(s + n, extra, extra_len);
	n += extra_len;
	s[n++] = (uint8_t)(len >> 8);
	s[n++] = (uint8_t)len;
	if (p1 != NULL) {
		memcpy(s + n, p1, strlen(p1));
		n += strlen(p1);
		s[n++] = 0;
		s[n++] = (uint8_t)strlen(p1);
	}
	hmac(key, s, n, out);
}

static struct companion_ue companion(void)
{
	struct companion_ue c;
	const uint8_t key[16] = { 9 };

	companion_make(&c, (struct plmn){ 101, 5 }, IMSI, key, key);
	ck_assert_int_eq(companion_open_session(&c, kausf, &af), FINE);
	return c;
}

START_TEST(test_session)
{
	struct companion_ue c = companion();
	uint8_t k_akma[32], k[32], a_tid[32];
	char expected[160], hex[65];

	kdf_by_openssl(kausf, 0x80, "AKMA", "001010000000042", 0, NULL, k_akma);
	kdf_by_openssl(kausf, 0x81, "A-TID", "001010000000042", 0, NULL, a_tid);
	kdf_by_openssl(k_akma, 0x82, "arpf.example", NULL, 5, af.ua_protocol, k);
	ck_assert_mem_eq(c.k_akma, k_akma, 32);
	ck_assert_mem_eq(c.k, k, 32);
	hex_write(BYTES(a_tid), hex);
	snprintf(expected, sizeof(expected), "r0%s@akma.5gc.mnc001.mcc001.3gppnetwork.org", hex);
	ck_assert_str_eq(c.a_kid, expected);
}
END_TEST

START_TEST(test_session_of_three_digits)
{
	struct companion_ue c;
	const uint8_t key[16] = { 9 };
	char fqdn[AF_FQDN_MAX + 2];

	companion_make(&c, (struct plmn){ 310150, 6 }, UINT64_C(310150123456789), key, key);
	ck_assert_int_eq(companion_open_session(&c, kausf, &af), FINE);
	ck_assert_ptr_nonnull(strstr(c.a_kid, "@akma.5gc.mnc150.mcc310.3gppnetwork.org"));
	memset(fqdn, 'a', sizeof(fqdn));
	fqdn[AF_FQDN_MAX + 1] = '\0';
	ck_assert_int_eq(companion_open_session(&c, kausf, &(struct af_id){ fqdn, { 0 } }),
		INVALID_PARAMETER);
}
END_TEST

START_TEST(test_macs)
{
	struct companion_ue c = companion();
	uint8_t a[256], message[1024], expected[32], mac[32];

	memset(a, 0xa5, sizeof(a));
	size_t n = begin_text(message, "arpf mac1 v1");
	n += put_text(message + n, "IOT_CREDENTIAL_REQUEST");
	n += put_text(message + n, "device-1");
	n += put_text(message + n, "ffdhe2048");
	n += put_field(message + n, a, sizeof(a));
	n += put_text(message + n, c.a_kid);
	hmac(c.k, message, n, expected);
	ck_assert_int_eq(companion_mac1(&c, "device-1", "ffdhe2048", BYTES(a), mac), FINE);
	ck_assert_mem_eq(mac, expected, 32);

	n = begin_text(message, "arpf add v1");
	n += put_text(message + n, c.a_kid);
	n += put_text(message + n, "https://ca.example/DeviceID=1");
	hmac(c.k, message, n, expected);
	ck_assert_int_eq(companion_mac_addition(&c, "https://ca.example/DeviceID=1", mac), FINE);
	ck_assert_mem_eq(mac, expected, 32);
}
END_TEST

START_TEST(test_sealed)
{
	struct companion_ue c = companion();
	uint8_t info[256], aad[256], key[32], iv[12] = { 5 }, plain[32] = { 6 }, sealed[48],
					      out[32];
	size_t n = begin_text(info, "arpf seal v1"), m = begin_text(aad, "arpf add answer v1");

	n += put_text(info + n, c.a_kid);
	m += put_text(aad + m, "device-1");
	m += put_text(aad + m, "imsi-001010000000050");
	info[n++] = 1; /* the first block of Expand is all of it */
	hmac(c.k, info, n, key);
	ck_assert_int_eq(
		aes_gcm_seal(BYTES(key), iv, bytes_of(aad, m), BYTES(plain), sealed), FINE);
	ck_assert_int_eq(companion_open_kdoubleprime(
				 &c, iv, BYTES(sealed), "device-1", "imsi-001010000000050", out),
		FINE);
	ck_assert_mem_eq(out, plain, 32);
	ck_assert_int_eq(companion_open_kdoubleprime(
				 &c, iv, BYTES(sealed), "device-2", "imsi-001010000000050", out),
		MAC_INVALID);
	ck_assert_int_eq(companion_open_kdoubleprime(
				 &c, iv, BYTES(sealed), "device-1", "imsi-001010000000051", out),
		MAC_INVALID);
	ck_assert_int_eq(companion_open_kdoubleprime(&c, iv, bytes_of(sealed, 47), "device-1",
				 "imsi-001010000000050", out),
		INVALID_PARAMETER);
	sealed[0] ^= 1;
	ck_assert_int_eq(companion_open_kdoubleprime(
				 &c, iv, BYTES(sealed), "device-1", "imsi-001010000000050", out),
		MAC_INVALID);
}
END_TEST

/* The server of 7.2: its keys, and what it keeps of a request. */
struct provision_server {
	uint8_t ksak[32], kpak[65], ssk[32], pvt[65], hs[32];
	uint8_t kdm[32], kda[16], kdo[16];
};

static const char identity[] = "2026-01 arpf.example";

static void server_start(struct provision_server *s)
{
	struct bytes id = bytes_of_text(identity);

	ck_assert_int_eq(eccsi_kms_new(s->ksak, s->kpak), FINE);
	ck_assert_int_eq(eccsi_extract(s->ksak, s->kpak, id, s->ssk, s->pvt), FINE);
	ck_assert_int_eq(eccsi_hs(s->kpak, id, s->pvt, s->hs), FINE);
}

/* S of a tree of one leaf, whose root is the leaf. */
static void sign(const struct provision_server *s, const uint8_t *message, size_t len,
	struct batch_signature *out)
{
	uint8_t leaf_in[2048] = { 0 }, leaf[32], text[128];

	memcpy(leaf_in + 1, message, len);
	SHA256(leaf_in, len + 1, leaf);
	size_t n = begin_text(text, "arpf batch signature v1");
	n += put_field(text + n, leaf, 32);
	n += put_field(text + n, "\0\0\0\1", 4);
	*out = (struct batch_signature){ .suite = SUITE_ECCSI, .tree_size = 1 };
	memcpy(out->signer_id, identity, sizeof(identity));
	ck_assert_int_eq(
		eccsi_sign(s->ssk, s->pvt, s->hs, bytes_of(text, n), out->signature), FINE);
}

static void derive(struct provision_server *s, const struct dh_device *d, const struct dh_answer *a,
	struct bytes z)
{
	const char *group = dh_group_name(d->group);
	uint8_t text[1024], salt[32], prk[32], kd[32], keys[64];
	size_t n = begin_text(text, "arpf kd v1");

	n += put_field(text + n, a->access_id, 16);
	n += put_text(text + n, d->device_id);
	n += put_text(text + n, group);
	n += put_field(text + n, a->a, a->a_len);
	n += put_field(text + n, a->b, a->b_len);
	SHA256(text, n, salt);
	hmac(salt, z.at, z.len, prk);
	hmac(prk, (const uint8_t *)"arpf kd v1\1", 11, kd);
	n = begin_text(text, "arpf kd keys v1");
	n += put_field(text + n, a->access_id, 16);
	text[n] = 1;
	hmac(kd, text, n + 1, keys);
	memmove(text + 32, text, n);
	memcpy(text, keys, 32);
	text[32 + n] = 2;
	hmac(kd, text, n + 33, keys + 32);
	memcpy(s->kdm, keys, 32);
	memcpy(s->kda, keys + 32, 16);
	memcpy(s->kdo, keys + 48, 16);
}

/* Steps 4 and 5. */
static void answer(struct provision_server *s, const struct dh_device *d, struct dh_answer *out)
{
	uint8_t secret[DH_SECRET_MAX], z[DH_SHARED_MAX], text[1200];
	struct bytes a = dh_device_a(d);

	*out = (struct dh_answer){
		.access_id = { 0xac, 0xce, 0x55 }, .a_len = a.len, .b_len = a.len
	};
	memcpy(out->a, a.at, a.len);
	ck_assert_int_eq(dh_generate(d->group, secret, out->b), FINE);
	ck_assert_int_eq(dh_agree(d->group, secret, a, z), FINE);
	derive(s, d, out, bytes_of(z, dh_shared_len(d->group)));
	size_t n = begin_text(text, "arpf sigcn v1");
	n += put_field(text + n, out->access_id, 16);
	n += put_text(text + n, dh_group_name(d->group));
	n += put_field(text + n, out->b, out->b_len);
	n += put_field(text + n, out->a, out->a_len);
	n += put_text(text + n, d->device_id);
	sign(s, text, n, &out->sig_cn);
}

static void check_macs(const struct provision_server *s, const struct dh_device *d)
{
	uint8_t text[256], expected[32], mac2[32];
	size_t n = begin_text(text, "arpf mac2 v1");

	n += put_field(text + n, d->access_id, 16);
	n += put_text(text + n, d->device_id);
	hmac(s->kdm, text, n, expected);
	ck_assert_int_eq(dh_device_mac2(d, mac2), FINE);
	ck_assert_mem_eq(mac2, expected, 32);
	text[8] = '3';
	n += put_text(text + n, "imsi-001010000000050");
	hmac(s->kdm, text, n, expected);
	ck_assert_int_eq(dh_device_check_mac3(d, "imsi-001010000000050", expected), FINE);
	ck_assert_int_eq(dh_device_check_mac3(d, "imsi-001010000000051", expected), MAC_INVALID);
	expected[31] ^= 1;
	ck_assert_int_eq(dh_device_check_mac3(d, "imsi-001010000000050", expected), MAC_INVALID);
}

START_TEST(test_device)
{
	struct provision_server s;
	struct dh_device d;
	struct dh_answer a;
	struct signature_checker *c;
	struct usim usim;

	server_start(&s);
	ck_assert_int_eq(signature_checker_new_eccsi(s.kpak, identity, &c), FINE);
	for (unsigned group = 0; group < DH_GROUP_COUNT; group++) {
		ck_assert_int_eq(dh_device_start(&d, "device-1", (enum dh_group)group), FINE);
		answer(&s, &d, &a);
		ck_assert_int_eq(dh_device_verify_answer(&d, c, &a), FINE);
		ck_assert_int_eq(dh_device_agree(&d, &a), FINE);
		ck_assert_mem_eq(d.kdm, s.kdm, 32);
		check_macs(&s, &d);
		dh_device_usim(&d, &usim);
		ck_assert_mem_eq(usim.k, s.kda, 16);
		ck_assert_mem_eq(usim.opc, s.kdo, 16);
	}
	signature_checker_free(c);
}
END_TEST

START_TEST(test_device_refuses)
{
	struct provision_server s, stranger;
	struct dh_device d;
	struct dh_answer good, bad;
	struct signature_checker *c, *other;

	server_start(&s);
	server_start(&stranger);
	ck_assert_int_eq(dh_device_start(&d, "no device id", DH_P256), INVALID_PARAMETER);
	ck_assert_int_eq(dh_device_start(&d, "device-1", DH_P256), FINE);
	answer(&s, &d, &good);
	ck_assert_int_eq(signature_checker_new_eccsi(s.kpak, identity, &c), FINE);
	ck_assert_int_eq(signature_checker_new_eccsi(s.kpak, "2026-02 arpf.example", &other), FINE);
	ck_assert_int_eq(dh_device_verify_answer(&d, other, &good), SIGNATURE_INVALID);
	signature_checker_free(other);
	ck_assert_int_eq(signature_checker_new_eccsi(stranger.kpak, identity, &other), FINE);
	ck_assert_int_eq(dh_device_verify_answer(&d, other, &good), SIGNATURE_INVALID);
	signature_checker_free(other);
	bad = good, bad.access_id[15] ^= 1;
	ck_assert_int_eq(dh_device_verify_answer(&d, c, &bad), SIGNATURE_INVALID);
	bad = good, bad.b[64] ^= 1;
	ck_assert_int_eq(dh_device_verify_answer(&d, c, &bad), SIGNATURE_INVALID);
	ck_assert_int_eq(dh_device_agree(&d, &bad), INVALID_PARAMETER);
	bad = good, bad.a[64] ^= 1;
	ck_assert_int_eq(dh_device_verify_answer(&d, c, &bad), SIGNATURE_INVALID);
	bad = good, bad.sig_cn.suite = SUITE_ECDSA;
	ck_assert_int_eq(dh_device_verify_answer(&d, c, &bad), SIGNATURE_INVALID);
	d.device_id[0] ^= 1;
	ck_assert_int_eq(dh_device_verify_answer(&d, c, &good), SIGNATURE_INVALID);
	d.device_id[0] ^= 1;
	ck_assert_int_eq(dh_device_verify_answer(&d, c, &good), FINE);
	signature_checker_free(c);
}
END_TEST

/* The fast way after the first signature says what the RFC's way says. */
START_TEST(test_recurring_signer)
{
	struct provision_server s;
	struct eccsi_signer *signer;
	uint8_t signature[ECCSI_SIGNATURE_LEN], other_ssk[32], other_pvt[65], other_hs[32];
	struct bytes id = bytes_of_text(identity);

	server_start(&s);
	ck_assert_int_eq(eccsi_signer_new(s.kpak, id, &signer), FINE);
	for (uint8_t i = 0; i < 40; i++) {
		struct bytes message = bytes_of(&i, 1);

		ck_assert_int_eq(eccsi_sign(s.ssk, s.pvt, s.hs, message, signature), FINE);
		ck_assert_int_eq(eccsi_signer_verify(signer, message, signature), FINE);
		ck_assert_int_eq(eccsi_verify(s.kpak, id, message, signature), FINE);
		signature[i] ^= 0x10; /* r, then s */
		ck_assert_int_eq(
			eccsi_signer_verify(signer, message, signature), SIGNATURE_INVALID);
		ck_assert_int_eq(eccsi_verify(s.kpak, id, message, signature), SIGNATURE_INVALID);
		signature[i] ^= 0x10;
		signature[127] ^= 1; /* PVT, no longer a point */
		ck_assert_int_ne(eccsi_signer_verify(signer, message, signature), FINE);
	}
	/* another pair of the same identity is learnt in its turn, and the first again */
	for (uint8_t i = 0; i < 4; i++) {
		ck_assert_int_eq(eccsi_extract(s.ksak, s.kpak, id, other_ssk, other_pvt), FINE);
		ck_assert_int_eq(eccsi_hs(s.kpak, id, other_pvt, other_hs), FINE);
		ck_assert_int_eq(eccsi_sign(other_ssk, other_pvt, other_hs, id, signature), FINE);
		ck_assert_int_eq(eccsi_signer_verify(signer, id, signature), FINE);
		ck_assert_int_eq(eccsi_signer_verify(signer, id, signature), FINE);
		ck_assert_int_eq(eccsi_sign(s.ssk, s.pvt, s.hs, id, signature), FINE);
		ck_assert_int_eq(eccsi_signer_verify(signer, id, signature), FINE);
	}
	memset(signature, 0, 32); /* r = 0 */
	ck_assert_int_eq(eccsi_signer_verify(signer, id, signature), SIGNATURE_INVALID);
	memset(signature, 0xff, 64); /* both out of range */
	ck_assert_int_eq(eccsi_signer_verify(signer, id, signature), SIGNATURE_INVALID);
	eccsi_signer_free(signer);
	s.kpak[64] ^= 1;
	ck_assert_int_eq(eccsi_signer_new(s.kpak, id, &signer), INVALID_PARAMETER);
	s.kpak[64] ^= 1;
	ck_assert_int_eq(eccsi_signer_new(s.kpak, bytes_of(NULL, 0), &signer), INVALID_PARAMETER);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_session,
		test_session_of_three_digits,
		test_macs,
		test_sealed,
		test_device,
		test_device_refuses,
		test_recurring_signer,
	};

	return suite_run("device companion", tests, sizeof(tests) / sizeof(tests[0]));
}
