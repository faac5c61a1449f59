/*
 * Who signs a server's answers: the ARPF's certificates (docs/protocol.md section 4.1) and the parameters of its
 * identity-based signatures (7.1), fetched and verified. What is wrong with them is said on stderr. One thread.
 */
#ifndef LOADTEST_SIGNERS_H
#define LOADTEST_SIGNERS_H

#include "device/batch_signature_check.h"
#include "device/secure_element.h"
#include "loadtest/certificate_json.h"
#include "loadtest/exchange.h"

/* As 4.1 gives them out (step 0-a), all verified. */
struct arpf_certificates {
	struct se_arpf ecka;
	uint8_t signer_id[32];
	uint8_t signer_point[P256_POINT_LEN];
};
/* anchor: the ARPF's CA, empty where it is not known. */
enum outcome fetch_arpf_certificates(
	struct server *s, struct bytes anchor, struct arpf_certificates *out);
/* The checker of what is signed under the certificate of 4.1. */
enum outcome fetch_certificate_checker(struct server *s, struct signature_checker **out);

/* As 7.1 gives them out. */
struct ibs_parameters {
	enum batch_suite suite;
	char signer_id[SIGNER_ID_MAX + 1];
	uint8_t kpak[ECCSI_POINT_LEN]; /* ECCSI only */
};
/* And the checker of sigCn by them. */
enum outcome fetch_ibs_checker(
	struct server *s, struct ibs_parameters *out, struct signature_checker **checker);

#endif
