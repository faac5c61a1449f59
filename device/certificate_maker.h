/*
 * The certificates of a device maker (docs/protocol.md sections 4, 8 and 9): CERT.CI, the issuer root; CERT.PN, a
 * part number's, signed by the root; below that CERT.SE, a secure element's, or a headless device's. Of eUICCs
 * (SGP.22 clause 4.5.2) CERT.EUM, a manufacturer's, takes the place of CERT.PN. X.509v3 DER,
 * ecdsa-with-SHA256, P-256 but for the key of a headless device.
 *
 * Pure but for random serial numbers and keys. An authority holds its private key in the clear: it is for
 * simulated makers only.
 */
#ifndef DEVICE_CERTIFICATE_MAKER_H
#define DEVICE_CERTIFICATE_MAKER_H

#include "crypto/p256.h"

#define CERTIFICATE_MAX        608
#define DEVICE_CERTIFICATE_MAX 1280 /* with an RSA key */
#define AUTHORITY_NAME_MAX     40
#define SUBJECT_TEXT_MAX       64

struct authority {
	uint8_t scalar[P256_SCALAR_LEN];
	uint8_t point[P256_POINT_LEN];
	char name[AUTHORITY_NAME_MAX + 1];         /* the subject's CN */
	char organization[AUTHORITY_NAME_MAX + 1]; /* its O, an EUM's; "": none */
	uint8_t certificate[CERTIFICATE_MAX];
	size_t certificate_len;
};

struct validity {
	int64_t not_before, not_after; /* unix seconds */
};

static inline struct bytes authority_certificate(const struct authority *a)
{
	return bytes_of(a->certificate, a->certificate_len);
}

/* With fresh keys. CERT.CI, signed by itself. */
enum outcome authority_make_root(
	struct authority *ci, const char *name, const struct validity *validity);
/* CERT.PN: a CA that may have no CA below it. */
enum outcome authority_make_part_number(struct authority *pn, const struct authority *ci,
	const char *name, const struct validity *validity);
/*
 * CERT.EUM: the same, with critical name constraints {O = organization, serialNumber = ein}: its eUICCs' EIDs
 * begin with the EIN. The organization is its own O too.
 */
struct eum_subject {
	const char *name, *organization, *ein;
};
enum outcome authority_make_eum(struct authority *eum, const struct authority *ci,
	const struct eum_subject *subject, const struct validity *validity);
/*
 * An authority made before, from its certificate and private key. CERTIFICATE_UNTRUSTED where they do
 * not belong together.
 */
enum outcome authority_restore(
	struct authority *a, struct bytes certificate, const uint8_t scalar[P256_SCALAR_LEN]);

/* CERT.SE for this key; se_id goes into the subject's serialNumber. */
enum outcome certificate_make_se(const struct authority *pn, const uint8_t point[P256_POINT_LEN],
	const char *se_id, const struct validity *validity, uint8_t out[CERTIFICATE_MAX],
	size_t *len);

/* What section 8 reads in a device's certificate: its subject's serialNumber, O and OU. */
struct device_subject {
	const char *device_id, *manufacturer, *model;
};
/* public_key: a point of P-256, or another key's SubjectPublicKeyInfo in DER, which is RSA. */
enum outcome certificate_make_device(const struct authority *ca, struct bytes public_key,
	const struct device_subject *subject, const struct validity *validity,
	uint8_t out[DEVICE_CERTIFICATE_MAX], size_t *len);

/* An eUICC's for this key: O is the EUM's, serialNumber the EID, whatever the EUM's EIN and the digits are. */
enum outcome certificate_make_euicc(const struct authority *eum,
	const uint8_t point[P256_POINT_LEN], const char *eid, const struct validity *validity,
	uint8_t out[CERTIFICATE_MAX], size_t *len);

#endif
