/*
 * The headless device of Solution #12.z: a key pair and a certificate from its manufacturer, and what it does
 * with the subscription profile that its companion UE brings (docs/protocol.md section 8). Written from that
 * page alone, so that it and the server check each other.
 *
 * A simulation: keys in ordinary memory; whoever holds a struct ends it with headless_device_end(). One thread
 * a struct.
 */
#ifndef DEVICE_HEADLESS_DEVICE_H
#define DEVICE_HEADLESS_DEVICE_H

#include "device/batch_signature_check.h"
#include "device/certificate_maker.h"
#include "device/usim.h"
#include "pki/certificate.h"

#define KPRIME_LEN 32

enum device_key_kind { DEVICE_KEY_P256, DEVICE_KEY_RSA2048 };

struct evp_pkey_st; /* OpenSSL's */

struct headless_device {
	char device_id[DEVICE_ID_MAX + 1];
	char manufacturer[SUBJECT_TEXT_MAX + 1], model[SUBJECT_TEXT_MAX + 1];
	uint8_t key[P256_SCALAR_LEN];
	struct evp_pkey_st *rsa; /* NULL: the key is of P-256 */
	uint8_t certificate[DEVICE_CERTIFICATE_MAX];
	size_t certificate_len;
};

/* With a fresh key, certified by this authority. INVALID_PARAMETER: a text of the subject is none. */
enum outcome headless_device_make(struct headless_device *d, const struct authority *ca,
	enum device_key_kind kind, const struct device_subject *subject,
	const struct validity *validity);
void headless_device_end(struct headless_device *d);

/* The profile's encryptedKPrime; slices of the profile's decoded bytes. */
struct encrypted_kprime {
	bool is_rsa;            /* rsa-oaep-sha256, else ecies-p256 */
	struct bytes ephemeral; /* ECIES only, as mac */
	struct bytes ciphertext, mac;
};

/* SIGNATURE_INVALID: the profile is not from the checker's signer. */
enum outcome headless_device_check_profile(
	struct signature_checker *c, const struct batch_signature *s, struct bytes profile);
/* K'. MAC_INVALID where it is not for this device's key. */
enum outcome headless_device_open_kprime(const struct headless_device *d,
	const struct encrypted_kprime *e, uint8_t kprime[KPRIME_LEN]);
/* K'' of K' and the nonce n2. */
enum outcome headless_device_kdoubleprime(const struct headless_device *d,
	const uint8_t kprime[KPRIME_LEN], const uint8_t n2[16], uint8_t out[32]);
/* Ka and OPc of K' and the SUPI, "imsi-…", as a USIM. */
enum outcome headless_device_usim(
	const uint8_t kprime[KPRIME_LEN], const char *supi, struct usim *usim);

#endif
