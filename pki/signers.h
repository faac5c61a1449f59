/*
 * The keys by which issuers of one name are told apart, as far as trust, CRLs and revocations name them. Grown by one
 * thread, then only read, by any. Zeroed memory is empty.
 *
 * What is said of one key of a name holds for the name's others too: within one CA a name and a serial are one
 * certificate (RFC 5280 section 4.1.2.2), and a CA with a new key may go on to speak for the old one. But two keys whose
 * certificates are both signed by themselves are two CAs (section 6.3.3 (f) wants CRL and certificate under one anchor).
 */
#ifndef PKI_SIGNERS_H
#define PKI_SIGNERS_H

#include "pki/issuer_id.h"

struct signer {
	struct issuer_id id;
	bool is_root; /* its certificate is signed by itself */
	bool has_revoked;
	uint8_t both[32]; /* SHA-256 of name and key */
};

/* Sorted by name and key. */
struct signers {
	struct signer *at;
	size_t count, cap;
};

void signers_free(struct signers *s);
/* The one that is there, or a new one; *out until the next. by->knows_key. */
enum outcome signers_add(struct signers *s, const struct issuer_id *by, struct signer **out);
/* Those of this name: *count from what it returns on. */
const struct signer *signers_of(const struct signers *s, const uint8_t name[32], size_t *count);
/* Whether what `by` has signed is about what `of` has issued as well; of one name. In doubt it is. */
bool signers_speaks_for(
	const struct signers *s, const struct issuer_id *by, const struct issuer_id *of);

#endif
