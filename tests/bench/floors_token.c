#include "tests/bench/floors.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "hsm/keyd/agree.h"

#define TOKEN_ROUNDS 2000

static CK_OBJECT_HANDLE create(struct token_session *s, uint8_t *value, CK_ULONG len,
	CK_ATTRIBUTE_TYPE use, CK_BBOOL is_private)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE as[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, sizeof(no) },
		{ CKA_EXTRACTABLE, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &is_private, sizeof(is_private) },
		{ CKA_VALUE, value, len },
		{ use, &yes, sizeof(yes) },
	};
	CK_OBJECT_HANDLE object;

	must(s->token->f->C_CreateObject(s->handle, as, 7, &object) == CKR_OK, "C_CreateObject");
	return object;
}

static CK_OBJECT_HANDLE unwrap(struct token_session *s, CK_OBJECT_HANDLE with, uint8_t *wrapped,
	CK_ULONG len, CK_BBOOL is_private)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_WRAP };
	CK_ATTRIBUTE as[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, sizeof(no) },
		{ CKA_PRIVATE, &is_private, sizeof(is_private) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_ENCRYPT, &yes, sizeof(yes) },
	};
	CK_OBJECT_HANDLE object;

	must(s->token->f->C_UnwrapKey(s->handle, &mechanism, with, wrapped, len, as, 6, &object) ==
			CKR_OK,
		"C_UnwrapKey");
	return object;
}

/* One C_UnwrapKey, two C_Encrypt of the sizes that Milenage needs, one C_DestroyObject. */
static void measure_milenage(
	struct token_session *s, CK_OBJECT_HANDLE kek, uint8_t *wrapped, CK_ULONG len)
{
	double least = 0;

	for (int is_private = 0; is_private < 2; is_private++) {
		double start = cpu_us();

		for (int i = 0; i < TOKEN_ROUNDS; i++) {
			uint8_t in[80] = { 0 }, out[80];
			CK_OBJECT_HANDLE k =
				unwrap(s, kek, wrapped, len, is_private ? CK_TRUE : CK_FALSE);

			must(token_encrypt_blocks(s, k, in, 16, out) == FINE &&
					token_encrypt_blocks(s, k, in, 64, out) == FINE,
				"C_Encrypt");
			token_destroy(s, k);
		}
		double us = (cpu_us() - start) / TOKEN_ROUNDS;

		least = least == 0 || us < least ? us : least;
	}
	say("token_unwrap_and_two_ecb", least);
}

/* One C_CreateObject, one C_WrapKey, one C_DestroyObject. */
static double wrap_us(struct token_session *s, CK_OBJECT_HANDLE kek, CK_BBOOL is_private)
{
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_WRAP };
	double start = cpu_us();

	for (int i = 0; i < TOKEN_ROUNDS; i++) {
		uint8_t k[16] = { (uint8_t)i }, wrapped[24];
		CK_ULONG len = sizeof(wrapped);
		CK_OBJECT_HANDLE object = create(s, k, sizeof(k), CKA_ENCRYPT, is_private);

		must(s->token->f->C_WrapKey(s->handle, &mechanism, kek, object, wrapped, &len) ==
				CKR_OK,
			"C_WrapKey");
		token_destroy(s, object);
	}
	return (cpu_us() - start) / TOKEN_ROUNDS;
}

static void measure_wrap(struct token_session *s, CK_OBJECT_HANDLE kek)
{
	double open = wrap_us(s, kek, CK_FALSE), closed = wrap_us(s, kek, CK_TRUE);

	say("token_wrap", open < closed ? open : closed);
}

void measure_token(void)
{
	static struct token_session session;
	struct settings settings;
	struct token token;
	char error[256];
	uint8_t kek_value[32] = { 1 }, k[16] = { 2 }, wrapped[24];
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_WRAP };
	CK_ULONG len = sizeof(wrapped);

	must(secret_start(), "secure heap");
	must(settings_read(getenv("ARPF_CONFIG"), &settings, error, sizeof(error)), "settings");
	must(token_open(&token, &settings) == FINE &&
			token_session_open(&token, &session, false) == FINE,
		"token");
	CK_OBJECT_HANDLE wraps = create(&session, kek_value, sizeof(kek_value), CKA_WRAP, CK_TRUE);
	CK_OBJECT_HANDLE unwraps =
		create(&session, kek_value, sizeof(kek_value), CKA_UNWRAP, CK_TRUE);
	CK_OBJECT_HANDLE object = create(&session, k, sizeof(k), CKA_ENCRYPT, CK_TRUE);

	must(token.f->C_WrapKey(session.handle, &mechanism, wraps, object, wrapped, &len) == CKR_OK,
		"C_WrapKey");
	measure_milenage(&session, unwraps, wrapped, len);
	measure_wrap(&session, wraps);
	token_close(&token);
	settings_free(&settings);
}
