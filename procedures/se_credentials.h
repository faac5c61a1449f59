/*
 * The SE CREDENTIALS of Solution #5.x: ATK.SE.ECDHE, CERT.SE, CERT.PN, CERT.CI, as steps 0-c and 0-e of the
 * procedure make and check them. For CPU steps.
 */
#ifndef PROCEDURES_SE_CREDENTIALS_H
#define PROCEDURES_SE_CREDENTIALS_H

#include "crypto/cose.h"
#include "procedures/procedure.h"

#define TOKEN_MAX       4096u
#define CERTIFICATE_MAX 8192u

struct se_credentials {
	struct bytes atk, cert_se, cert_pn, cert_ci;
	uint8_t token_hash[32]; /* SHA-256 of the ATK */
	/* set by se_credentials_verify */
	struct attach_token token;
	struct bytes se_id;
};

/* From the request's member seCredentials. */
enum outcome se_credentials_read(struct txn *t, struct se_credentials *c);
/*
 * Step 0-e, in the order of docs/protocol.md section 4.3: the chain, the token's signature, keyId, then the
 * token's content.
 */
enum outcome se_credentials_verify(struct txn *t, struct se_credentials *c);

#endif
