/*
 * One X.509v3 certificate of the profile the protocol asks for: P-256 key, ecdsa-with-SHA256, DER.
 *
 * The reader is strict and reads in place: d2i_X509 costs twice what checking the signature does,
 * and a leaf is read once and never again. It accepts a subset: version 3, definite minimal
 * lengths, the extensions basicConstraints, keyUsage, extKeyUsage, subject and authority key
 * identifier, subjectAltName, certificatePolicies, cRLDistributionPoints, authorityInfoAccess, the
 * name constraints of SGP.22 (pki/name_constraints.h), and unknown ones that are not critical. Whatever it does not accept is shown to OpenSSL, only to say
 * why: no certificate at all is INVALID_PARAMETER, a certificate outside the profile is
 * CERTIFICATE_UNTRUSTED.
 *
 * Pure; every slice points into the DER that was given.
 */
#ifndef PKI_CERTIFICATE_H
#define PKI_CERTIFICATE_H

#include "base/bytes.h"
#include "crypto/p256.h"

#define FINGERPRINT_LEN 32
#define DEVICE_ID_MAX   64

enum key_usage {
	KEY_USAGE_DIGITAL_SIGNATURE = 1 << 0,
	KEY_USAGE_KEY_AGREEMENT = 1 << 4,
	KEY_USAGE_KEY_CERT_SIGN = 1 << 5,
	KEY_USAGE_CRL_SIGN = 1 << 6,
};

struct certificate {
	struct bytes der;
	struct bytes tbs;    /* with tag and length: what is signed */
	struct bytes serial; /* INTEGER content, sign byte and all */
	struct bytes issuer; /* Name, with tag and length */
	struct bytes subject;
	struct bytes spki;       /* SubjectPublicKeyInfo, with tag and length */
	struct bytes public_key; /* 65 bytes, not yet checked to be on the curve */
	struct bytes subject_key_id, authority_key_id; /* empty where absent */
	/* the subject's serialNumber (2.5.4.5), O and first OU, as text; empty where absent */
	struct bytes serial_number, organization, organizational_unit;
	int64_t not_before, not_after; /* unix seconds, both inclusive; years up to 9999 */
	bool has_basic_constraints, is_ca;
	int path_length; /* -1: none given */
	bool has_key_usage;
	uint16_t key_usage; /* enum key_usage bits, bit 0 of the BIT STRING first */
	struct bytes
		policies; /* SEQUENCE OF PolicyInformation, content, not looked into; empty where absent */
	/* What it issues is constrained: whoever uses it for that asks certificate_permits(), or refuses. */
	bool has_name_constraints;
	struct bytes permitted_names; /* GeneralSubtrees, content; empty where absent */
	struct bytes permitted_eins;  /* SEQUENCE OF PrintableString, content; empty where absent */
	uint8_t signature[P256_SIGNATURE_LEN];
};

/* INVALID_PARAMETER: no certificate. CERTIFICATE_UNTRUSTED: one outside the profile. */
enum outcome certificate_read(struct bytes der, struct certificate *out);
enum outcome certificate_fingerprint(struct bytes der, uint8_t out[FINGERPRINT_LEN]);
/* SHA-256 of the to-be-signed part. */
enum outcome certificate_digest(const struct certificate *c, uint8_t digest[32]);
/* [A-Za-z0-9._:-]{1,64} (docs/protocol.md section 2). */
bool device_id_is_valid(struct bytes text);

#endif
