#include "pki/device_chain.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "crypto/kdf.h"

#define AUTH_LEVEL     2 /* 112 bits: RSA of 2048, no SHA-1 */
#define RSA_LEAST_BITS 2048
#define RSA_MOST_BITS  4096
#define SERIAL_MAX     20u /* so long may one in the list be */
#define SERIAL_DER_MAX (2u + 1u + SERIAL_MAX)

static enum outcome distrust(const char **reason, const char *why)
{
	*reason = why;
	return CERTIFICATE_UNTRUSTED;
}

static bool has_issued(X509 *by, X509 *x)
{
	return X509_check_issued(by, x) == X509_V_OK && X509_verify(x, X509_get0_pubkey(by)) == 1;
}

static void swap(struct certificates *c, size_t a, size_t b)
{
	X509 *kept = c->at[a];

	c->at[a] = c->at[b];
	c->at[b] = kept;
}

/* The leaf, which is the only one that is no CA's, comes first. */
static bool put_leaf_first(struct certificates *c)
{
	size_t leaves = 0;

	for (size_t i = 0; i < c->count; i++)
		if (X509_check_ca(c->at[i]) == 0) {
			swap(c, 0, i);
			leaves++;
		}
	return leaves == 1;
}

/* Behind each one the next that has issued it; false where none has. */
static bool put_in_order(struct certificates *c)
{
	if (!put_leaf_first(c))
		return false;
	for (size_t i = 0; i + 1 < c->count; i++) {
		size_t next = i + 1;

		while (next < c->count && !has_issued(c->at[next], c->at[i]))
			next++;
		if (next == c->count)
			return false;
		swap(c, i + 1, next);
	}
	return true;
}

static bool is_in_order(const struct certificates *c)
{
	for (size_t i = 0; i + 1 < c->count; i++)
		if (!has_issued(c->at[i + 1], c->at[i]))
			return false;
	return true;
}

/* The same subject with the same key again: a certificate twice, or CAs that certify each other. */
static bool has_repetition(const struct certificates *c)
{
	for (size_t i = 0; i < c->count; i++)
		for (size_t j = 0; j < i; j++)
			if (X509_NAME_cmp(X509_get_subject_name(c->at[i]),
				    X509_get_subject_name(c->at[j])) == 0 &&
				EVP_PKEY_eq(X509_get0_pubkey(c->at[i]),
					X509_get0_pubkey(c->at[j])) == 1)
				return true;
	return false;
}

static enum outcome check_order(struct certificates *c, const char **reason)
{
	if (has_repetition(c))
		return distrust(reason, "a certificate comes twice, or the chain is a loop");
	if (c->is_ordered && !is_in_order(c))
		return distrust(reason, "a certificate is not followed by its issuer's");
	if (!c->is_ordered && !put_in_order(c))
		return distrust(reason, "the certificates are not one chain");
	return FINE;
}

/*
 * What RFC 5280 has CAs write and many leave out is excused where nothing can be misread for it: key
 * identifiers, the criticality of basicConstraints, an anchor's key usage.
 */
static int on_verified(int is_good, X509_STORE_CTX *context)
{
	int top = sk_X509_num(X509_STORE_CTX_get0_chain(context)) - 1;
	int error = X509_STORE_CTX_get_error(context);

	if (is_good)
		return 1;
	if (error != X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER &&
		error != X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER &&
		error != X509_V_ERR_CA_BCONS_NOT_CRITICAL &&
		(error != X509_V_ERR_CA_CERT_MISSING_KEY_USAGE ||
			X509_STORE_CTX_get_error_depth(context) != top))
		return 0;
	X509_STORE_CTX_set_error(context, X509_V_OK);
	return 1;
}

static enum outcome verify_outcome(int error, const char **reason)
{
	*reason = X509_verify_cert_error_string(error);
	if (error == X509_V_ERR_OUT_OF_MEM)
		return NO_MEMORY;
	return error == X509_V_ERR_CERT_NOT_YET_VALID || error == X509_V_ERR_CERT_HAS_EXPIRED
		       ? CERTIFICATE_EXPIRED
		       : CERTIFICATE_UNTRUSTED;
}

/* Those of the found anchors, which bear one name, that c was issued by or is. */
static bool take_fitting(STACK_OF(X509) * found, X509 *c, STACK_OF(X509) * anchors)
{
	bool is_good = true;

	for (int i = 0; is_good && i < sk_X509_num(found); i++) {
		X509 *anchor = sk_X509_value(found, i);

		if (X509_cmp(anchor, c) == 0 || has_issued(anchor, c))
			is_good = X509_add_cert(anchors, anchor,
					  X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1;
	}
	sk_X509_pop_free(found, X509_free);
	return is_good;
}

/*
 * Of several anchors of one name, as there are when a CA has a new key, OpenSSL would take one without
 * a look at the signature: it is shown only those that the chain really leads to.
 */
static bool find_anchors(
	X509_STORE_CTX *context, const struct certificates *c, STACK_OF(X509) * anchors)
{
	for (size_t i = 0; i < c->count; i++) {
		X509 *x = c->at[i];

		if (!take_fitting(X509_STORE_CTX_get1_certs(context, X509_get_issuer_name(x)), x,
			    anchors) ||
			!take_fitting(X509_STORE_CTX_get1_certs(context, X509_get_subject_name(x)),
				x, anchors))
			return false;
	}
	return true;
}

static enum outcome verify_path(X509_STORE_CTX *context, int64_t now, const char **reason)
{
	X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);

	X509_VERIFY_PARAM_set_depth(parameters, CERTIFICATES_MAX);
	X509_VERIFY_PARAM_set_auth_level(parameters, AUTH_LEVEL);
	X509_VERIFY_PARAM_set_time(parameters, (time_t)now);
	if (X509_VERIFY_PARAM_set_flags(
		    parameters, X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN) != 1)
		return BROKEN;
	X509_STORE_CTX_set_verify_cb(context, on_verified);
	if (X509_verify_cert(context) == 1)
		return FINE;
	return verify_outcome(X509_STORE_CTX_get_error(context), reason);
}

/* At a moment, by what is trusted then. */
struct revocation_check {
	const struct trust *trust;
	int64_t now;
	const char **reason;
};

static enum outcome check_serial(const struct revocation_check *r, const X509_NAME *name,
	const X509 *above, struct bytes serial)
{
	struct issuer_id issuer;

	/* Where even this fails, closed is the safe side. */
	*r->reason = "whether it is revoked cannot be told";
	if (issuer_id_of_name(name, above, &issuer) != FINE)
		return CERTIFICATE_REVOKED;
	return trust_check_revocation(r->trust, &issuer, serial, r->now, r->reason);
}

/*
 * above: the issuer's certificate, which may be itself; NULL: not known, nor by which key. The list names issuers by
 * the bytes of their names, which OpenSSL lets differ between the two certificates: both spellings are looked for.
 */
static enum outcome check_revocation(const struct revocation_check *r, X509 *x, X509 *above)
{
	unsigned char der[SERIAL_DER_MAX], *end = der;
	int len = i2d_ASN1_INTEGER(X509_get_serialNumber(x), NULL);

	/* What is longer than any serial may be could not be revoked. */
	*r->reason = "its serial number is longer than any may be";
	if (len < 3 || (size_t)len > sizeof(der) ||
		i2d_ASN1_INTEGER(X509_get_serialNumber(x), &end) != len)
		return CERTIFICATE_REVOKED;
	struct bytes serial = revocation_serial(bytes_of(der + 2, (size_t)len - 2));
	if (serial.len > SERIAL_MAX)
		return CERTIFICATE_REVOKED;
	enum outcome o = check_serial(r, X509_get_issuer_name(x), above, serial);
	if (o == FINE && above != NULL)
		o = check_serial(r, X509_get_subject_name(above), above, serial);
	return o;
}

static bool has_certificate(const STACK_OF(X509) * path, const X509 *x)
{
	for (int i = 0; i < sk_X509_num(path); i++)
		if (X509_cmp(sk_X509_value(path, i), x) == 0)
			return true;
	return false;
}

/* Of the path that was found, and of what else was served above the anchor. */
static enum outcome check_revocations(
	const struct revocation_check *r, const struct certificates *c, const STACK_OF(X509) * path)
{
	int top = sk_X509_num(path) - 1;
	enum outcome o = FINE;

	for (int i = 0; o == FINE && i <= top; i++) {
		X509 *x = sk_X509_value(path, i);
		X509 *above = i < top ? sk_X509_value(path, i + 1) : x;

		/* An anchor that says it is signed by itself is: device_anchor_read(). */
		if (i == top && X509_self_signed(x, 0) != 1)
			above = NULL;
		o = check_revocation(r, x, above);
	}
	for (size_t i = 0; o == FINE && i < c->count; i++) {
		X509 *x = c->at[i];
		X509 *above = i + 1 < c->count ? c->at[i + 1] : x;

		if (above == x && has_certificate(path, x))
			continue;
		if (above == x && X509_self_signed(x, 1) != 1)
			above = NULL;
		o = check_revocation(r, x, above);
	}
	return o;
}

/* What a verification is made of. */
struct verification {
	X509_STORE_CTX *context;
	STACK_OF(X509) * above, *anchors;
};

static bool verification_start(
	struct verification *v, const struct trust *trust, const struct certificates *c)
{
	v->context = X509_STORE_CTX_new();
	v->above = sk_X509_new_null();
	v->anchors = sk_X509_new_null();
	if (v->context == NULL || v->above == NULL || v->anchors == NULL)
		return false;
	for (size_t i = 1; i < c->count; i++)
		if (sk_X509_push(v->above, c->at[i]) <= 0)
			return false;
	if (X509_STORE_CTX_init(v->context, trust_device_store(trust), c->at[0], v->above) != 1 ||
		!find_anchors(v->context, c, v->anchors))
		return false;
	X509_STORE_CTX_set0_trusted_stack(v->context, v->anchors);
	return true;
}

static void verification_end(struct verification *v)
{
	X509_STORE_CTX_free(v->context);
	sk_X509_free(v->above);
	sk_X509_pop_free(v->anchors, X509_free);
}

static enum outcome check_chain(
	const struct trust *trust, const struct certificates *c, int64_t now, const char **reason)
{
	struct verification v;
	enum outcome o = verification_start(&v, trust, c) ? FINE : NO_MEMORY;

	if (o == FINE)
		o = verify_path(v.context, now, reason);
	if (o == FINE)
		o = check_revocations(&(struct revocation_check){ trust, now, reason }, c,
			X509_STORE_CTX_get0_chain(v.context));
	verification_end(&v);
	return o;
}

static bool is_odd_and_not_1(EVP_PKEY *key, const char *name)
{
	BIGNUM *n = NULL;
	bool is_sound = EVP_PKEY_get_bn_param(key, name, &n) == 1 && BN_is_odd(n) && !BN_is_one(n);

	BN_free(n);
	return is_sound;
}

static bool is_usable_rsa(EVP_PKEY *key)
{
	return key != NULL && EVP_PKEY_get_bits(key) >= RSA_LEAST_BITS &&
	       EVP_PKEY_get_bits(key) <= RSA_MOST_BITS &&
	       is_odd_and_not_1(key, OSSL_PKEY_PARAM_RSA_N) &&
	       is_odd_and_not_1(key, OSSL_PKEY_PARAM_RSA_E);
}

static bool is_named_p256(const X509_ALGOR *algorithm)
{
	int type;
	const void *curve;

	X509_ALGOR_get0(NULL, &type, &curve, algorithm);
	return type == V_ASN1_OBJECT && OBJ_obj2nid(curve) == NID_X9_62_prime256v1;
}

/* spki: the key as it stands in the certificate. */
static enum outcome take_key(
	X509 *leaf, struct bytes spki, struct device_certificate *out, const char **reason)
{
	ASN1_OBJECT *algorithm;
	const unsigned char *point;
	int point_len;
	X509_ALGOR *parameters;

	*reason = "the key is neither P-256 nor RSA of 2048 to 4096 bits";
	if (X509_PUBKEY_get0_param(
		    &algorithm, &point, &point_len, &parameters, X509_get_X509_PUBKEY(leaf)) != 1)
		return CERTIFICATE_UNTRUSTED;
	int kind = OBJ_obj2nid(algorithm);
	if (kind == NID_X9_62_id_ecPublicKey && is_named_p256(parameters)) {
		enum outcome o = p256_uncompress(bytes_of(point, (size_t)point_len), out->key);

		out->key_len = P256_POINT_LEN;
		return o == INVALID_PARAMETER ? CERTIFICATE_UNTRUSTED : o;
	}
	if (kind != NID_rsaEncryption || !is_usable_rsa(X509_get0_pubkey(leaf)) ||
		spki.len > sizeof(out->key))
		return CERTIFICATE_UNTRUSTED;
	out->is_rsa = true;
	out->key_len = spki.len;
	memcpy(out->key, spki.at, spki.len);
	return FINE;
}

static enum outcome read_key(X509 *leaf, struct device_certificate *out, const char **reason)
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);

	if (len <= 0)
		return distrust(reason, "the public key is not well formed");
	struct bytes spki = bytes_of(der, (size_t)len);
	enum outcome o = take_key(leaf, spki, out, reason);
	if (o == FINE)
		o = sha256(&spki, 1, out->spki_hash);
	OPENSSL_free(der);
	return o;
}

/* No C0 or C1 control characters, which includes NUL. The text is well-formed UTF-8. */
static bool is_text(const unsigned char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] < 0x20 || at[i] == 0x7f ||
			(at[i] == 0xc2 && i + 1 < len && at[i + 1] < 0xa0))
			return false;
	return true;
}

/* The only attribute of this kind, as UTF-8. */
static bool read_attribute(const X509_NAME *name, int kind, char out[DEVICE_TEXT_MAX + 1])
{
	int at = X509_NAME_get_index_by_NID(name, kind, -1);
	unsigned char *text = NULL;

	if (at < 0 || X509_NAME_get_index_by_NID(name, kind, at) >= 0)
		return false;
	int len =
		ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	bool is_good = len > 0 && len <= DEVICE_TEXT_MAX && is_text(text, (size_t)len);
	if (is_good) {
		memcpy(out, text, (size_t)len);
		out[len] = '\0';
	}
	OPENSSL_free(text);
	return is_good;
}

static enum outcome read_leaf(X509 *leaf, struct device_certificate *out, const char **reason)
{
	const X509_NAME *subject = X509_get_subject_name(leaf);

	if (X509_check_ca(leaf) != 0)
		return distrust(reason, "the device's certificate is that of a CA");
	if ((X509_get_key_usage(leaf) &
		    (KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT)) == 0)
		return distrust(reason, "the key usage does not allow this use");
	if (!read_attribute(subject, NID_serialNumber, out->device_id) ||
		!device_id_is_valid(bytes_of_text(out->device_id)))
		return distrust(reason, "the subject's serialNumber is not one device identifier");
	if (!read_attribute(subject, NID_organizationName, out->manufacturer))
		return distrust(reason, "the subject's O is not one manufacturer");
	if (!read_attribute(subject, NID_organizationalUnitName, out->model))
		return distrust(reason, "the subject's OU is not one model");
	return read_key(leaf, out, reason);
}

enum outcome device_chain_verify(const struct trust *trust, struct certificates *chain, int64_t now,
	struct device_certificate *out, const char **reason)
{
	*out = (struct device_certificate){ 0 };
	enum outcome o = check_order(chain, reason);

	if (o == FINE)
		o = check_chain(trust, chain, now, reason);
	if (o == FINE)
		o = read_leaf(chain->at[0], out, reason);
	ERR_clear_error();
	return o;
}
