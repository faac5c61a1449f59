#include "hsm/keyd/wrapped_secret.h"

#include "hsm/keyd/agree.h"

/* As an object of this session that can be read and wrapped; what only `value` has, is empty when it is unwrapped. */
static CK_ULONG describe(CK_ATTRIBUTE as[7], const CK_BBOOL *is_private, struct bytes value)
{
	static const CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	static const CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	const CK_ATTRIBUTE all[] = {
		{ CKA_CLASS, (void *)(uintptr_t) & class, sizeof(class) },
		{ CKA_KEY_TYPE, (void *)(uintptr_t)&type, sizeof(type) },
		{ CKA_TOKEN, (void *)(uintptr_t)&no, sizeof(no) },
		{ CKA_SENSITIVE, (void *)(uintptr_t)&no, sizeof(no) },
		{ CKA_EXTRACTABLE, (void *)(uintptr_t)&yes, sizeof(yes) },
		{ CKA_PRIVATE, (void *)(uintptr_t)is_private, sizeof(*is_private) },
		{ CKA_VALUE, (void *)(uintptr_t)value.at, value.len },
	};

	memcpy(as, all, sizeof(all));
	return value.len > 0 ? 7 : 6;
}

static CK_RV create(struct token_session *s, struct bytes value, CK_OBJECT_HANDLE *object)
{
	CK_BBOOL is_private = s->private_objects;
	CK_ATTRIBUTE as[7];
	CK_ULONG count = describe(as, &is_private, value);

	return s->token->f->C_CreateObject(s->handle, as, count, object);
}

static CK_RV unwrap(struct token_session *s, const struct token_key *kek,
	const uint8_t wrapped[IBS_WRAPPED_LEN], CK_OBJECT_HANDLE *object)
{
	CK_BBOOL is_private = s->private_objects;
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_WRAP };
	CK_ATTRIBUTE as[7];
	CK_ULONG count = describe(as, &is_private, (struct bytes){ 0 });

	return s->token->f->C_UnwrapKey(s->handle, &mechanism, kek->handle,
		(CK_BYTE_PTR)(uintptr_t)wrapped, IBS_WRAPPED_LEN, as, count, object);
}

enum outcome wrapped_secret_close(struct token_session *s, const uint8_t secret[WRAPPED_SECRET_LEN],
	uint8_t wrapped[IBS_WRAPPED_LEN], uint16_t *kek_generation)
{
	const struct token_key *kek = token_newest(s, KEY_USE_KEK);
	struct bytes value = bytes_of(secret, WRAPPED_SECRET_LEN);
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_WRAP };
	CK_ULONG len = IBS_WRAPPED_LEN;
	CK_OBJECT_HANDLE object;

	if (kek == NULL)
		return HSM_UNAVAILABLE;
	CK_RV code = create(s, value, &object);

	if (token_wants_private(s, code))
		code = create(s, value, &object);
	enum outcome o = token_outcome("C_CreateObject", code);

	if (o != FINE)
		return o;
	o = token_outcome("C_WrapKey",
		s->token->f->C_WrapKey(s->handle, &mechanism, kek->handle, object, wrapped, &len));
	token_destroy(s, object);
	*kek_generation = (uint16_t)kek->generation;
	return o == FINE && len != IBS_WRAPPED_LEN ? BROKEN : o;
}

enum outcome wrapped_secret_open(struct token_session *s, const uint8_t wrapped[IBS_WRAPPED_LEN],
	unsigned kek_generation, uint8_t secret[WRAPPED_SECRET_LEN])
{
	const struct token_key *kek = token_generation(s, KEY_USE_KEK, kek_generation);
	CK_ATTRIBUTE value = { CKA_VALUE, secret, WRAPPED_SECRET_LEN };
	CK_OBJECT_HANDLE object;

	if (kek == NULL)
		return INVALID_PARAMETER;
	CK_RV code = unwrap(s, kek, wrapped, &object);

	if (token_wants_private(s, code))
		code = unwrap(s, kek, wrapped, &object);
	enum outcome o = token_unwrap_outcome(code);

	if (o != FINE)
		return o;
	o = token_outcome("C_GetAttributeValue",
		s->token->f->C_GetAttributeValue(s->handle, object, &value, 1));
	token_destroy(s, object);
	return o == FINE && value.ulValueLen != WRAPPED_SECRET_LEN ? BROKEN : o;
}
