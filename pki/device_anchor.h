/*
 * Anchors of use "device". Makers of devices have CAs of their own choice, RSA among them, so these are
 * read and used by OpenSSL, and need not be signed by themselves: an intermediate CA may be an anchor.
 */
#ifndef PKI_DEVICE_ANCHOR_H
#define PKI_DEVICE_ANCHOR_H

#include "pki/issuer_id.h"

struct x509_st; /* OpenSSL's X509 */

/*
 * An X.509v3 certificate of a CA with a key of RSA (2048 bits and more), P-256 or P-384, signed with
 * SHA-256, 384 or 512. INVALID_PARAMETER where it is no certificate, else CERTIFICATE_UNTRUSTED, with
 * *reason a sentence; NO_MEMORY. On FINE the caller frees *out.
 */
enum outcome device_anchor_read(struct bytes der, struct x509_st **out, const char **reason);

/* What lists of anchors show of any certificate that OpenSSL reads. INVALID_PARAMETER. */
struct certificate_summary {
	char subject[256];   /* as certificate_subject_text */
	struct issuer_id id; /* how what it issued is named when it is revoked */
	int64_t not_before, not_after;
};
enum outcome certificate_summarise(struct bytes der, struct certificate_summary *out);

#endif
