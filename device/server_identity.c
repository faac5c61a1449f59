#include "device/server_identity.h"

#include "crypto/kdf.h"
#include "device/secure_element.h"

#define CHAIN_PARTS_MOST 8

/* DER says where each ends, so that two chains do not read alike. */
static enum outcome hash_chain(const struct bytes *chain, size_t count, uint8_t hash[SHA256_LEN])
{
	return count > 0 && count <= CHAIN_PARTS_MOST ? sha256(chain, count, hash)
						      : CERTIFICATE_UNTRUSTED;
}

enum outcome server_identity_see(
	struct server_identity *s, const struct bytes *chain, size_t count, int64_t now)
{
	uint8_t hash[SHA256_LEN], signer_id[SHA256_LEN];
	struct signature_checker *checker;
	struct certificate signer;
	enum outcome o = hash_chain(chain, count, hash);

	if (o != FINE || (s->checker != NULL && memcmp(hash, s->seen, sizeof(hash)) == 0))
		return o;
	o = se_verify_signer(chain[0], chain + 1, count - 1, s->anchor, now, &signer);
	if (o == FINE)
		o = sha256(&chain[0], 1, signer_id);
	if (o == FINE)
		o = signature_checker_new(signer.public_key, signer_id, &checker);
	if (o != FINE)
		return o;
	signature_checker_free(s->checker);
	s->checker = checker;
	memcpy(s->seen, hash, sizeof(s->seen));
	return FINE;
}

void server_identity_end(struct server_identity *s)
{
	signature_checker_free(s->checker);
	s->checker = NULL;
}
