#include "admin-cli/crl.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "pki/pem.h"

struct crl {
	X509_CRL *crl;
	STACK_OF(X509_REVOKED) * revoked; /* NULL: it is empty */
};

/* In DER as it is, or the first of PEM. */
static X509_CRL *decode(struct bytes content)
{
	const unsigned char *at = content.at;
	X509_CRL *crl = content.len > 0 ? d2i_X509_CRL(NULL, &at, (long)content.len) : NULL;

	if (crl != NULL || content.len == 0)
		return crl;
	size_t len;
	uint8_t *der = malloc(content.len);
	if (der != NULL && pem_take(&content, "X509 CRL", der, content.len, &len) == FINE) {
		at = der;
		crl = d2i_X509_CRL(NULL, &at, (long)len);
	}
	free(der);
	ERR_clear_error();
	return crl;
}

/* The distribution point's scope is let through: revoking what it names is right whatever else it leaves out. */
static bool is_understood(const X509_EXTENSION *extension)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object((X509_EXTENSION *)extension));

	return !X509_EXTENSION_get_critical(extension) || nid == NID_issuing_distribution_point;
}

static const char *find_fault(const struct crl *c)
{
	if (X509_CRL_get_ext_by_NID(c->crl, NID_delta_crl, -1) >= 0)
		return "this is a delta CRL; a whole one is needed";
	for (int i = 0; i < X509_CRL_get_ext_count(c->crl); i++)
		if (!is_understood(X509_CRL_get_ext(c->crl, i)))
			return "the CRL has a critical extension that is not understood";
	for (int i = 0; i < sk_X509_REVOKED_num(c->revoked); i++) {
		const X509_REVOKED *r = sk_X509_REVOKED_value(c->revoked, i);

		if (X509_REVOKED_get_ext_by_critical(r, 1, -1) >= 0)
			return "the CRL has entries of other issuers, or critical extensions that "
			       "are not understood";
	}
	return NULL;
}

enum outcome crl_read(struct bytes content, struct crl **out, const char **reason)
{
	struct crl *c = calloc(1, sizeof(*c));

	*out = NULL;
	*reason = NULL;
	if (c == NULL)
		return NO_MEMORY;
	c->crl = decode(content);
	*reason = c->crl == NULL ? "this is no CRL, in PEM or DER" : NULL;
	if (c->crl != NULL) {
		c->revoked = X509_CRL_get_REVOKED(c->crl);
		*reason = find_fault(c);
	}
	if (*reason != NULL) {
		crl_free(c);
		return INVALID_PARAMETER;
	}
	*out = c;
	return FINE;
}

void crl_free(struct crl *crl)
{
	if (crl == NULL)
		return;
	X509_CRL_free(crl->crl);
	free(crl);
}

bool crl_is_signed_by(const struct crl *crl, struct bytes issuer_der)
{
	const unsigned char *at = issuer_der.at;
	X509 *issuer = d2i_X509(NULL, &at, (long)issuer_der.len);
	bool is_signed = false;

	if (issuer != NULL &&
		X509_NAME_cmp(X509_get_subject_name(issuer), X509_CRL_get_issuer(crl->crl)) == 0) {
		/* UINT32_MAX where there is no key usage (RFC 5280 section 6.3.3 (f)). */
		bool may_sign = (X509_get_key_usage(issuer) & KU_CRL_SIGN) != 0;

		is_signed = may_sign && X509_CRL_verify(crl->crl, X509_get0_pubkey(issuer)) == 1;
	}
	X509_free(issuer);
	ERR_clear_error();
	return is_signed;
}

size_t crl_count(const struct crl *crl)
{
	int count = sk_X509_REVOKED_num(crl->revoked);

	return count > 0 ? (size_t)count : 0;
}

bool crl_serial(const struct crl *crl, size_t i, char out[SERIAL_TEXT_SIZE])
{
	const X509_REVOKED *r = sk_X509_REVOKED_value(crl->revoked, (int)i);
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_REVOKED_get0_serialNumber(r), NULL);
	char *text = number != NULL ? BN_bn2hex(number) : NULL;
	bool is_fine = text != NULL && serial_normalise(text, out);

	OPENSSL_free(text);
	BN_free(number);
	return is_fine;
}
