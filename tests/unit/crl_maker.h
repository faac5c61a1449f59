/* Makes revocation lists with OpenSSL, good ones and ones with any field wrong, for tests; as pki_maker.h. */
#ifndef TESTS_UNIT_CRL_MAKER_H
#define TESTS_UNIT_CRL_MAKER_H

#include <openssl/x509.h>

#include "base/bytes.h"
#include "tests/unit/pki_maker.h"

/* What a list is made of; with nothing but a signer it is a good one of two entries: de:ad:be:ef and 7f. */
struct made_list {
	const char *issuer;   /* NULL: "CA" */
	int32_t this_s, to_s; /* seconds from PKI_NOW; 0: an hour ago, in a day */
	bool no_next_update, no_number;
	const char *number; /* hex; NULL: 07 */
	const char *extension, *entry_extension;
	const char *serial; /* hex, of a third entry */
	unsigned more;      /* so many entries besides */
	EVP_PKEY *signer;
	const EVP_MD *digest;
};

X509_CRL *crl_make_x509(const struct made_list *l);
/* In DER, valid until the next one is made; its bytes may be changed. */
struct bytes crl_make(const struct made_list *l);

#endif
