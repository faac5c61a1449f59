#include "hsm/keyd/make_keys.h"

#include <stdio.h>

#include "base/log.h"
#include "crypto/kdf.h"

/* DER of the OID prime256v1, as CKA_EC_PARAMS wants it. */
static const CK_BYTE prime256v1[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };

static void write_label(enum key_use use, unsigned generation, char label[KEY_LABEL_LEN + 1])
{
	snprintf(label, KEY_LABEL_LEN + 1, KEY_PREFIX "%s.%u", key_use_name(use), generation);
}

static enum outcome make_kek(struct token_session *s, unsigned generation)
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_GEN };
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG len = 32;
	uint8_t id[KEY_ID_LEN];
	char label[KEY_LABEL_LEN + 1];
	CK_OBJECT_HANDLE key;
	enum outcome o =
		token_outcome("C_GenerateRandom", f->C_GenerateRandom(s->handle, id, sizeof(id)));

	write_label(KEY_USE_KEK, generation, label);
	CK_ATTRIBUTE as[] = {
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &no, sizeof(no) },
		{ CKA_WRAP, &yes, sizeof(yes) },
		{ CKA_UNWRAP, &yes, sizeof(yes) },
		{ CKA_ENCRYPT, &no, sizeof(no) },
		{ CKA_DECRYPT, &no, sizeof(no) },
		{ CKA_VALUE_LEN, &len, sizeof(len) },
		{ CKA_LABEL, label, strlen(label) },
		{ CKA_ID, id, sizeof(id) },
	};

	return o == FINE
		       ? token_outcome("C_GenerateKey", f->C_GenerateKey(s->handle, &mechanism, as,
								sizeof(as) / sizeof(as[0]), &key))
		       : o;
}

/* SHA-256 of the DER SubjectPublicKeyInfo of an uncompressed point. */
static enum outcome id_of_point(const uint8_t point[P256_POINT_LEN], uint8_t id[KEY_ID_LEN])
{
	static const uint8_t head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
		0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03,
		0x42, 0x00 };
	struct bytes parts[] = { BYTES(head), bytes_of(point, P256_POINT_LEN) };

	return sha256(parts, 2, id);
}

/* The key's identity is known only when it is there: CKA_ID is set afterwards, on both halves. */
static enum outcome name_pair(
	struct token_session *s, CK_OBJECT_HANDLE public, CK_OBJECT_HANDLE private)
{
	CK_FUNCTION_LIST *f = s->token->f;
	uint8_t point[P256_POINT_LEN + 3], id[KEY_ID_LEN];
	CK_ATTRIBUTE value = { CKA_EC_POINT, point, sizeof(point) };
	CK_ATTRIBUTE as = { CKA_ID, id, sizeof(id) };
	enum outcome o = token_outcome(
		"C_GetAttributeValue", f->C_GetAttributeValue(s->handle, public, &value, 1));
	size_t head = value.ulValueLen == P256_POINT_LEN + 2 ? 2 : 0;

	if (o == FINE && value.ulValueLen != P256_POINT_LEN + head)
		o = BROKEN;
	if (o == FINE)
		o = id_of_point(point + head, id);
	if (o == FINE)
		o = token_outcome(
			"C_SetAttributeValue", f->C_SetAttributeValue(s->handle, public, &as, 1));
	if (o == FINE)
		o = token_outcome(
			"C_SetAttributeValue", f->C_SetAttributeValue(s->handle, private, &as, 1));
	return o;
}

static enum outcome make_pair(struct token_session *s, enum key_use use, unsigned generation)
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_MECHANISM mechanism = { .mechanism = CKM_EC_KEY_PAIR_GEN };
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_BBOOL signs = use == KEY_USE_SIGN, derives = !signs;
	char label[KEY_LABEL_LEN + 1];
	CK_OBJECT_HANDLE public, private;

	write_label(use, generation, label);
	CK_ATTRIBUTE public_as[] = {
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_EC_PARAMS, (void *)(uintptr_t)prime256v1, sizeof(prime256v1) },
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
	enum outcome o = token_outcome("C_GenerateKeyPair",
		f->C_GenerateKeyPair(s->handle, &mechanism, public_as,
			sizeof(public_as) / sizeof(public_as[0]), private_as,
			sizeof(private_as) / sizeof(private_as[0]), &public, &private));

	return o == FINE ? name_pair(s, public, private) : o;
}

enum outcome key_make(struct token_session *s, enum key_use use, unsigned generation)
{
	enum outcome o =
		use == KEY_USE_KEK ? make_kek(s, generation) : make_pair(s, use, generation);

	if (o == FINE)
		log_info("key_made", "use=%s generation=%u", key_use_name(use), generation);
	return o == FINE ? token_find_keys(s, false) : o;
}
