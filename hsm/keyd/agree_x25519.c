#include "hsm/keyd/agree_x25519.h"

#include "base/secret.h"
#include "hsm/keyd/agree.h"

/*
 * The u-coordinates of the points whose order divides 8, on the curve and its twist: whatever the key is, what is
 * agreed with them is zero (RFC 7748 6.1). 0, 1, the two of order 8, p - 1, p, p + 1; little-endian.
 */
static const uint8_t low_order[][X25519_LEN] = {
	{ 0 },
	{ 1 },
	{ 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
		0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f,
		0x49, 0xb8, 0x00 },
	{ 0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
		0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0,
		0x9f, 0x11, 0x57 },
	{ 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x7f },
	{ 0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x7f },
	{ 0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x7f },
};

/* A module says "general error" of them, as of its own troubles: so they are known before it is asked. */
static bool is_low_order(const uint8_t peer[X25519_LEN])
{
	uint8_t u[X25519_LEN];

	memcpy(u, peer, sizeof(u));
	u[X25519_LEN - 1] &= 0x7f; /* RFC 7748 5: the highest bit is not looked at */
	for (size_t i = 0; i < sizeof(low_order) / sizeof(low_order[0]); i++)
		if (memcmp(u, low_order[i], sizeof(u)) == 0)
			return true;
	return false;
}

static CK_RV derive(struct token_session *s, const struct token_key *key,
	const uint8_t peer[X25519_LEN], CK_OBJECT_HANDLE *derived)
{
	CK_ECDH1_DERIVE_PARAMS with = {
		.kdf = CKD_NULL,
		.ulPublicDataLen = X25519_LEN,
		.pPublicData = (CK_BYTE_PTR)(uintptr_t)peer,
	};
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &with, sizeof(with) };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ULONG len = X25519_LEN;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE, is_private = s->private_objects;
	CK_ATTRIBUTE as[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, sizeof(no) },
		{ CKA_SENSITIVE, &no, sizeof(no) },
		{ CKA_EXTRACTABLE, &yes, sizeof(yes) },
		{ CKA_VALUE_LEN, &len, sizeof(len) },
		{ CKA_PRIVATE, &is_private, sizeof(is_private) },
	};

	return s->token->f->C_DeriveKey(s->handle, &mechanism, key->handle, as, 7, derived);
}

enum outcome token_agree_x25519(struct token_session *s, const struct token_key *key,
	const uint8_t peer[X25519_LEN], uint8_t z[X25519_LEN])
{
	static const uint8_t zeros[X25519_LEN];
	CK_ATTRIBUTE value = { CKA_VALUE, z, X25519_LEN };
	CK_OBJECT_HANDLE derived;

	if (is_low_order(peer))
		return INVALID_PARAMETER;
	CK_RV code = derive(s, key, peer, &derived);

	if (token_wants_private(s, code))
		code = derive(s, key, peer, &derived);
	enum outcome o = token_outcome("C_DeriveKey", code);

	if (o != FINE)
		return o;
	o = token_outcome("C_GetAttributeValue",
		s->token->f->C_GetAttributeValue(s->handle, derived, &value, 1));
	token_destroy(s, derived);
	if (o == FINE && value.ulValueLen != X25519_LEN)
		o = BROKEN;
	if (o == FINE && equal_in_constant_time(z, zeros, X25519_LEN))
		o = INVALID_PARAMETER;
	return o;
}
