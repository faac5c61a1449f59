#include "pki/issuer_id.h"

#include <openssl/ec.h>
#include <openssl/x509.h>

#include "crypto/kdf.h"

enum outcome issuer_id_make(struct bytes name, struct bytes spki, struct issuer_id *out)
{
	*out = (struct issuer_id){ .knows_key = spki.len > 0 };
	enum outcome o = sha256(&name, 1, out->name);

	return o == FINE && out->knows_key ? sha256(&spki, 1, out->key) : o;
}

/* As nearly all are. Of a key in another spelling, a compressed point say, the hash does not tell that it is another. */
static bool is_spelled_plainly(const X509 *x)
{
	ASN1_OBJECT *algorithm;
	X509_ALGOR *parameters;
	const unsigned char *key;
	int len, type;

	if (X509_PUBKEY_get0_param(&algorithm, &key, &len, &parameters, X509_get_X509_PUBKEY(x)) !=
		1)
		return false;
	X509_ALGOR_get0(NULL, &type, NULL, parameters);
	switch (OBJ_obj2nid(algorithm)) {
	case NID_X9_62_id_ecPublicKey:
		return type == V_ASN1_OBJECT && len > 0 && key[0] == POINT_CONVERSION_UNCOMPRESSED;
	case NID_rsaEncryption:
		return type == V_ASN1_NULL;
	default:
		return false;
	}
}

enum outcome issuer_id_of_name(
	const struct X509_name_st *name, const struct x509_st *key_of, struct issuer_id *out)
{
	const unsigned char *at;
	unsigned char *der = NULL;
	size_t len;
	int key_len = key_of != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(key_of), &der) : 0;
	enum outcome o = NO_MEMORY;

	if (key_len > 0 || key_of == NULL)
		o = X509_NAME_get0_der(name, &at, &len) != 1
			    ? BROKEN
			    : issuer_id_make(
				      bytes_of(at, len), bytes_of(der, (size_t)key_len), out);
	OPENSSL_free(der);
	out->knows_key = o == FINE && key_of != NULL && is_spelled_plainly(key_of);
	return o;
}

enum outcome issuer_id_of(const struct x509_st *x, struct issuer_id *out)
{
	return issuer_id_of_name(X509_get_subject_name(x), x, out);
}
