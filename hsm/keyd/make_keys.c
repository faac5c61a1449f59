#include "hsm/keyd/make_keys.h"

#include <stdio.h>

#include "base/log.h"
#include "crypto/kdf.h"

/* PKCS #11 3.0; SoftHSM makes X25519 keys by the mechanism of the Edwards curves. */
#ifndef CKM_EC_MONTGOMERY_KEY_PAIR_GEN
#define CKM_EC_MONTGOMERY_KEY_PAIR_GEN 0x1056UL
#endif

#define GENERATION_MAX 65535u
#define HOME_KEY_MAX   255u /* a home network public key identifier is a byte (TS 23.003 2.2B) */

/* How a curve is named to a token (CKA_EC_PARAMS), and what stands before a public key in SubjectPublicKeyInfo. */
struct curve {
	struct bytes oid, spki_head;
};

static const uint8_t prime256v1[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const uint8_t p256_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
	0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42,
	0x00 };
/* RFC 8410: 1.3.101.110 */
static const uint8_t id_x25519[] = { 0x06, 0x03, 0x2b, 0x65, 0x6e };
static const uint8_t x25519_head[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03,
	0x21, 0x00 };

static struct curve curve_of(enum key_use use)
{
	return use == KEY_USE_SUCI_A ? (struct curve){ BYTES(id_x25519), BYTES(x25519_head) }
				     : (struct curve){ BYTES(prime256v1), BYTES(p256_head) };
}

static void write_label(enum key_use use, unsigned generation, char label[KEY_LABEL_LEN + 1])
{
	snprintf(label, KEY_LABEL_LEN + 1, KEY_PREFIX "%s.%u", key_use_name(use), generation);
}

/* A KEK wraps and unwraps, a session key encrypts: neither can do the other's work. */
static enum outcome make_aes(struct token_session *s, enum key_use use, unsigned generation)
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_GEN };
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_BBOOL wraps = use == KEY_USE_KEK, encrypts = !wraps;
	CK_ULONG len = 32;
	uint8_t id[KEY_ID_LEN];
	char label[KEY_LABEL_LEN + 1];
	CK_OBJECT_HANDLE key;
	enum outcome o =
		token_outcome("C_GenerateRandom", f->C_GenerateRandom(s->handle, id, sizeof(id)));

	write_label(use, generation, label);
	CK_ATTRIBUTE as[] = {
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &no, sizeof(no) },
		{ CKA_WRAP, &wraps, sizeof(wraps) },
		{ CKA_UNWRAP, &wraps, sizeof(wraps) },
		{ CKA_ENCRYPT, &encrypts, sizeof(encrypts) },
		{ CKA_DECRYPT, &no, sizeof(no) },
		{ CKA_SIGN, &no, sizeof(no) },
		{ CKA_VERIFY, &no, sizeof(no) },
		{ CKA_VALUE_LEN, &len, sizeof(len) },
		{ CKA_LABEL, label, strlen(label) },
		{ CKA_ID, id, sizeof(id) },
	};

	return o == FINE
		       ? token_outcome("C_GenerateKey", f->C_GenerateKey(s->handle, &mechanism, as,
								sizeof(as) / sizeof(as[0]), &key))
		       : o;
}

/* The key's identity is known only when it is there: CKA_ID is set afterwards, on both halves. */
static enum outcome name_pair(struct token_session *s, enum key_use use, CK_OBJECT_HANDLE public,
	CK_OBJECT_HANDLE private)
{
	CK_FUNCTION_LIST *f = s->token->f;
	uint8_t at[TOKEN_POINT_MAX], point[P256_POINT_LEN], id[KEY_ID_LEN];
	CK_ATTRIBUTE value = { CKA_EC_POINT, at, sizeof(at) };
	CK_ATTRIBUTE as = { CKA_ID, id, sizeof(id) };
	struct bytes parts[] = { curve_of(use).spki_head, bytes_of(point, token_public_len(use)) };
	enum outcome o = token_outcome(
		"C_GetAttributeValue", f->C_GetAttributeValue(s->handle, public, &value, 1));

	if (o == FINE)
		o = token_read_point(use, bytes_of(at, value.ulValueLen), point);
	if (o == FINE)
		o = sha256(parts, 2, id);
	if (o == FINE)
		o = token_outcome(
			"C_SetAttributeValue", f->C_SetAttributeValue(s->handle, public, &as, 1));
	if (o == FINE)
		o = token_outcome(
			"C_SetAttributeValue", f->C_SetAttributeValue(s->handle, private, &as, 1));
	return o;
}

static bool has_mechanism(struct token_session *s, CK_MECHANISM_TYPE mechanism)
{
	CK_MECHANISM_INFO info = { 0 };

	return s->token->f->C_GetMechanismInfo(s->token->slot, mechanism, &info) == CKR_OK;
}

/* False where the module has no mechanism that makes this use's keys. */
static bool choose_mechanism(struct token_session *s, enum key_use use, CK_MECHANISM_TYPE *out)
{
	if (use != KEY_USE_SUCI_A)
		*out = CKM_EC_KEY_PAIR_GEN;
	else if (has_mechanism(s, CKM_EC_MONTGOMERY_KEY_PAIR_GEN))
		*out = CKM_EC_MONTGOMERY_KEY_PAIR_GEN;
	else
		*out = CKM_EC_EDWARDS_KEY_PAIR_GEN;
	return has_mechanism(s, *out);
}

static CK_RV generate(struct token_session *s, enum key_use use, CK_MECHANISM_TYPE type,
	unsigned generation, CK_OBJECT_HANDLE handles[2])
{
	struct bytes oid = curve_of(use).oid;
	CK_MECHANISM mechanism = { .mechanism = type };
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_BBOOL signs = use == KEY_USE_SIGN, derives = !signs;
	char label[KEY_LABEL_LEN + 1];

	write_label(use, generation, label);
	CK_ATTRIBUTE public_as[] = {
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_EC_PARAMS, (void *)(uintptr_t)oid.at, oid.len },
		{ CKA_VERIFY, &signs, sizeof(signs) },
		{ CKA_LABEL, label, strlen(label) },
	};
	CK_ATTRIBUTE private_as[] = {
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &no, sizeof(no) },
		{ CKA_SIGN, &signs, sizeof(signs) },
		{ CKA_DERIVE, &derives, sizeof(derives) },
		{ CKA_LABEL, label, strlen(label) },
	};

	return s->token->f->C_GenerateKeyPair(s->handle, &mechanism, public_as,
		sizeof(public_as) / sizeof(public_as[0]), private_as,
		sizeof(private_as) / sizeof(private_as[0]), &handles[0], &handles[1]);
}

/* The mechanism of the Edwards curves does not mean that X25519 is among them. */
static bool is_unknown_curve(enum key_use use, CK_RV code)
{
	return use == KEY_USE_SUCI_A &&
	       (code == CKR_DOMAIN_PARAMS_INVALID || code == CKR_CURVE_NOT_SUPPORTED ||
		       code == CKR_ATTRIBUTE_VALUE_INVALID || code == CKR_MECHANISM_INVALID);
}

static enum outcome make_pair(struct token_session *s, enum key_use use, unsigned generation)
{
	CK_MECHANISM_TYPE type;
	CK_OBJECT_HANDLE handles[2];

	if (!choose_mechanism(s, use, &type))
		return RESOURCE_NOT_FOUND;
	CK_RV code = generate(s, use, type, generation, handles);

	if (is_unknown_curve(use, code))
		return RESOURCE_NOT_FOUND;
	enum outcome o = token_outcome("C_GenerateKeyPair", code);

	return o == FINE ? name_pair(s, use, handles[0], handles[1]) : o;
}

enum outcome key_make(struct token_session *s, enum key_use use, unsigned generation)
{
	bool is_home_key = use == KEY_USE_SUCI_A || use == KEY_USE_SUCI_B;

	if (generation == 0 || generation > (is_home_key ? HOME_KEY_MAX : GENERATION_MAX)) {
		log_error("key_not_made", "use=%s generation=%u", key_use_name(use), generation);
		return INVALID_PARAMETER;
	}
	if (s->key_count >= KEY_FOUND_MAX) { /* with one more no worker would start */
		log_error("too_many_keys", "most=%u", KEY_FOUND_MAX);
		return CONFLICT;
	}
	enum outcome o = token_public_len(use) == 0 ? make_aes(s, use, generation)
						    : make_pair(s, use, generation);

	if (o == FINE)
		log_info("key_made", "use=%s generation=%u", key_use_name(use), generation);
	return o == FINE ? token_find_keys(s, false) : o;
}
