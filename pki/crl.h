/*
 * Certificate revocation lists of RFC 5280, whole ones about certificates of their own issuer, in DER or PEM, by
 * OpenSSL: for what administrators hand in. Pure; one thread at a time for each.
 */
#ifndef PKI_CRL_H
#define PKI_CRL_H

#include "pki/trust.h"

#define CRL_MAX 6000000 /* bytes of DER: in base64 it fits a request of 8 MiB */
/* PEM is four characters for three bytes and line ends; files are generous with them. */
#define CRL_FILE_MAX   (CRL_MAX / 3 * 4 + CRL_MAX / 20)
#define CRL_SERIAL_LEN 20 /* RFC 5280 section 4.1.2.2 */
#define CRL_NAME_SIZE  256

struct crl;

/* What it says; nobody may rely on it before crl_find_issuer() or crl_check_issuer(). */
struct crl_said {
	int64_t this_update, next_update; /* unix seconds */
	uint8_t number[CRL_SERIAL_LEN];   /* its CRL number, big-endian, without leading zeros */
	size_t number_len;                /* 0: it has none */
	uint8_t scope[32]; /* SHA-256 of its issuing distribution point, which tells parts apart */
	bool has_scope;
	size_t entries;
};

/* The DER of a file's content, DER or the first "X509 CRL" in PEM; the caller frees *der. Outcomes as crl_read. */
enum outcome crl_to_der(struct bytes content, uint8_t **der, size_t *len, const char **reason);
/*
 * PAYLOAD_TOO_LARGE; INVALID_PARAMETER and *reason, a sentence: no CRL, a delta or an indirect one, without a
 * nextUpdate, or critical about what is not understood; NO_MEMORY.
 */
enum outcome crl_read(struct bytes content, struct crl **out, const char **reason);
/* NULL is allowed. */
void crl_free(struct crl *crl);

/* Its issuer: how its certificates are named in the list of revocations, and for people. */
struct crl_issuer {
	struct issuer_id id;
	bool is_root; /* the certificate is signed by itself, and the key known */
	char name[CRL_NAME_SIZE];
};
/*
 * Whether this certificate (DER) is its issuer's: the name, a CA, cRLSign where it has a key usage, the
 * signature, with SHA-256 or longer. INVALID_PARAMETER: no certificate; CERTIFICATE_UNTRUSTED, SIGNATURE_INVALID; with
 * *reason.
 */
enum outcome crl_check_issuer(
	const struct crl *crl, struct bytes der, struct crl_issuer *issuer, const char **reason);
/* The same, tried with the anchors of every use. */
enum outcome crl_find_issuer(const struct crl *crl, const struct trust *trust,
	struct crl_issuer *issuer, const char **reason);

const struct crl_said *crl_said(const struct crl *crl);
/* CERTIFICATE_EXPIRED and *reason: before thisUpdate or after nextUpdate. */
enum outcome crl_check_dates(const struct crl *crl, int64_t now, const char **reason);
/* CRL_SERIAL_LEN bytes for each entry, left-padded. */
void crl_write_serials(const struct crl *crl, uint8_t *out);

#endif
