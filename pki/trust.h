/*
 * What this server trusts at a moment: anchors by use, and what has been revoked. A struct trust is
 * built once from the database's rows, then never changes; reactors swap in a new one when the
 * rows change, and each transaction keeps the one it began with (counted references, any thread).
 */
#ifndef PKI_TRUST_H
#define PKI_TRUST_H

#include "pki/certificate.h"
#include "pki/freshness.h"

enum trust_use { TRUST_SE, TRUST_DEVICE, TRUST_EUICC, TRUST_ARPF, TRUST_USE_COUNT };

const char *trust_use_name(enum trust_use use); /* se, device, euicc, arpf */
bool trust_use_read(const char *text, enum trust_use *use);

struct trust;
struct issuer;
struct x509_store_st; /* OpenSSL's X509_STORE */

/* Begins with one reference, empty. NULL: no memory. */
struct trust *trust_new(void);
/* NULL is allowed and stays NULL. */
struct trust *trust_take(struct trust *t);
/* NULL is allowed. */
void trust_give_back(struct trust *t);

/*
 * Building; the DER is copied, what is there already is left as it is. The anchor must be a
 * readable, self-signed CA certificate without name constraints, for devices one as device_anchor_read takes it:
 * INVALID_PARAMETER where it is no certificate, else CERTIFICATE_UNTRUSTED.
 */
enum outcome trust_add_anchor(struct trust *t, enum trust_use use, struct bytes der);
/*
 * A certificate is named by its issuer (whose key may not be known: then it is revoked under any) and serial
 * (INTEGER content without leading zeros; more than 20 bytes are INVALID_PARAMETER).
 */
enum outcome trust_add_revocation(
	struct trust *t, const struct issuer_id *issuer, struct bytes serial);
/* is_root: what verified it is signed by itself. */
enum outcome trust_add_crl(struct trust *t, const struct fresh_crl *crl, bool is_root);
/* Certificates whose issuer's CRL is out of date are refused unless this is set. */
void trust_set_stale_crls_open(struct trust *t, bool is_open);

bool trust_has_anchor(const struct trust *t, enum trust_use use, struct bytes der);
bool trust_has_revocation(
	const struct trust *t, const struct issuer_id *issuer, struct bytes serial);
/*
 * What every chain asks of each of its certificates: CERTIFICATE_REVOKED, or CERTIFICATE_UNTRUSTED where it is not
 * known any more whether it is; with *reason. What is heard of an issuer's other keys: pki/signers.h.
 */
enum outcome trust_check_revocation(const struct trust *t, const struct issuer_id *issuer,
	struct bytes serial, int64_t now, const char **reason);
void trust_count_crls(const struct trust *t, int64_t now, struct crl_figures *out);

/* The anchors for devices. It belongs to the trust; any thread may verify by it. */
struct x509_store_st *trust_device_store(const struct trust *t);
/* Of every other use: the anchor that is these bytes, or NULL. It belongs to the trust. */
struct issuer *trust_find_anchor(const struct trust *t, enum trust_use use, struct bytes der);
/* Anchors of this subject (empty: of any), one after the other: begin with *place = 0; NULL at the end. */
struct issuer *trust_next_anchor(
	const struct trust *t, enum trust_use use, struct bytes subject, size_t *place);

/* As it identifies a certificate in the list of revocations. */
struct bytes revocation_serial(struct bytes serial);

#endif
