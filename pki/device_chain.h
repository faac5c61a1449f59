/*
 * The certificate of a headless device (docs/protocol.md section 8, step 4), with the chain that its
 * certification authority serves: an unbroken one to an anchor of use "device", each certificate in
 * force and none revoked; and what the leaf says of its device. Verified by OpenSSL (X509_verify_cert,
 * RFC 5280): makers of devices have CAs of their own choice. For CPU threads, any of them.
 */
#ifndef PKI_DEVICE_CHAIN_H
#define PKI_DEVICE_CHAIN_H

#include "pki/certificates_read.h"
#include "pki/trust.h"

#define DEVICE_TEXT_MAX 64 /* bytes of UTF-8 */
#define DEVICE_SPKI_MAX 560

struct device_certificate {
	char device_id[DEVICE_TEXT_MAX + 1];    /* the subject's serialNumber */
	char manufacturer[DEVICE_TEXT_MAX + 1]; /* its O */
	char model[DEVICE_TEXT_MAX + 1];        /* its OU */
	bool is_rsa;                            /* 2048 to 4096 bits; else P-256 */
	uint8_t spki_hash[32];                  /* SHA-256 of the SubjectPublicKeyInfo */
	size_t key_len;
	uint8_t key[DEVICE_SPKI_MAX]; /* P-256: the uncompressed point; RSA: SubjectPublicKeyInfo */
};

/*
 * `chain` is put in order where its form has none; what does not belong in it (another certificate, one
 * twice, a loop) is CERTIFICATE_UNTRUSTED. now: unix seconds. CERTIFICATE_UNTRUSTED, CERTIFICATE_EXPIRED,
 * CERTIFICATE_REVOKED with *reason, a constant; NO_MEMORY, BROKEN.
 */
enum outcome device_chain_verify(const struct trust *trust, struct certificates *chain, int64_t now,
	struct device_certificate *out, const char **reason);

#endif
