#include "hsm/keyd/token.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

#define PIN_MAX         256u
#define MOST_SLOTS      64u
#define OBJECTS_AT_ONCE 32u

struct code_row {
	CK_RV code;
	const char *name;
	enum outcome outcome;
	bool is_lost;
};

static const struct code_row codes[] = {
	{ CKR_HOST_MEMORY, "CKR_HOST_MEMORY", HSM_UNAVAILABLE, true },
	{ CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR", HSM_UNAVAILABLE, false },
	{ CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED", HSM_UNAVAILABLE, false },
	{ CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR", HSM_UNAVAILABLE, true },
	{ CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY", HSM_UNAVAILABLE, true },
	{ CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED", HSM_UNAVAILABLE, true },
	{ CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED", HSM_UNAVAILABLE, true },
	{ CKR_SESSION_COUNT, "CKR_SESSION_COUNT", HSM_UNAVAILABLE, true },
	{ CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID", HSM_UNAVAILABLE, true },
	{ CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT", HSM_UNAVAILABLE, true },
	{ CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN", HSM_UNAVAILABLE, true },
	{ CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED", HSM_UNAVAILABLE, true },
	{ CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID", HSM_UNAVAILABLE, true },
	{ CKR_OBJECT_HANDLE_INVALID, "CKR_OBJECT_HANDLE_INVALID", HSM_UNAVAILABLE, true },
	{ CKR_UNWRAPPING_KEY_HANDLE_INVALID, "CKR_UNWRAPPING_KEY_HANDLE_INVALID", HSM_UNAVAILABLE,
		true },
	{ CKR_WRAPPING_KEY_HANDLE_INVALID, "CKR_WRAPPING_KEY_HANDLE_INVALID", HSM_UNAVAILABLE,
		true },
	{ CKR_OPERATION_ACTIVE, "CKR_OPERATION_ACTIVE", HSM_UNAVAILABLE, true },
	{ CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT", HSM_UNAVAILABLE, true },
	{ CKR_PIN_LOCKED, "CKR_PIN_LOCKED", HSM_UNAVAILABLE, true },
	{ CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED", HSM_UNAVAILABLE, true },
	{ CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED", HSM_UNAVAILABLE, true },
	{ CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID", BROKEN, false },
	{ CKR_MECHANISM_PARAM_INVALID, "CKR_MECHANISM_PARAM_INVALID", BROKEN, false },
	{ CKR_ATTRIBUTE_SENSITIVE, "CKR_ATTRIBUTE_SENSITIVE", BROKEN, false },
	{ CKR_TEMPLATE_INCONSISTENT, "CKR_TEMPLATE_INCONSISTENT", BROKEN, false },
	{ CKR_WRAPPED_KEY_INVALID, "CKR_WRAPPED_KEY_INVALID", MAC_INVALID, false },
	{ CKR_WRAPPED_KEY_LEN_RANGE, "CKR_WRAPPED_KEY_LEN_RANGE", MAC_INVALID, false },
};

static atomic_bool lost;

static const struct code_row *find_code(CK_RV code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return &codes[i];
	return NULL;
}

const char *token_code_name(CK_RV code)
{
	const struct code_row *row = find_code(code);

	return row != NULL ? row->name : code == CKR_OK ? "CKR_OK" : "other";
}

enum outcome token_outcome(const char *what, CK_RV code)
{
	const struct code_row *row = find_code(code);

	if (code == CKR_OK)
		return FINE;
	log_warning("token_call_failed", "call=%s code=0x%lx name=%s", what, (unsigned long)code,
		token_code_name(code));
	if (row != NULL && row->is_lost)
		atomic_store(&lost, true);
	return row != NULL ? row->outcome : BROKEN;
}

enum outcome token_unwrap_outcome(CK_RV code)
{
	enum outcome o = token_outcome("C_UnwrapKey", code);

	return code == CKR_GENERAL_ERROR || code == CKR_FUNCTION_FAILED ? MAC_INVALID : o;
}

bool token_is_lost(void)
{
	return atomic_load(&lost);
}

/* Labels of tokens are 32 characters, padded with blanks. */
static bool has_label(const CK_TOKEN_INFO *info, const char *label)
{
	char padded[33];

	snprintf(padded, sizeof(padded), "%-32s", label);
	return memcmp(padded, info->label, 32) == 0;
}

static enum outcome find_slot(struct token *t, const char *label)
{
	CK_SLOT_ID slots[MOST_SLOTS];
	CK_ULONG count = MOST_SLOTS;
	enum outcome o =
		token_outcome("C_GetSlotList", t->f->C_GetSlotList(CK_TRUE, slots, &count));

	for (CK_ULONG i = 0; o == FINE && i < count; i++) {
		CK_TOKEN_INFO info;

		if (t->f->C_GetTokenInfo(slots[i], &info) == CKR_OK && has_label(&info, label)) {
			t->slot = slots[i];
			return FINE;
		}
	}
	log_error("token_not_found", "token=\"%s\" slots=%lu", label, (unsigned long)count);
	return HSM_UNAVAILABLE;
}

static enum outcome load_module(struct token *t, const char *path)
{
	CK_RV (*get_list)(CK_FUNCTION_LIST **);

	t->module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *symbol = t->module != NULL ? dlsym(t->module, "C_GetFunctionList") : NULL;

	if (symbol == NULL) {
		log_error("module_not_loaded", "module=%s reason=\"%s\"", path, dlerror());
		return HSM_UNAVAILABLE;
	}
	memcpy(&get_list, &symbol, sizeof(get_list));
	return token_outcome("C_GetFunctionList", get_list(&t->f));
}

enum outcome token_open(struct token *t, const struct settings *s)
{
	CK_C_INITIALIZE_ARGS locking = { .flags = CKF_OS_LOCKING_OK };

	*t = (struct token){ 0 };
	t->pin = secret_read_file(s->pin_file, PIN_MAX);
	if (t->pin == NULL) {
		log_error("pin_not_read", "file=%s reason=\"%s\"", s->pin_file, strerror(errno));
		t->failure_lasts = true;
		return HSM_UNAVAILABLE;
	}
	enum outcome o = load_module(t, s->module);

	t->failure_lasts = o != FINE;
	if (o == FINE)
		o = token_outcome("C_Initialize", t->f->C_Initialize(&locking));
	if (o == FINE)
		return find_slot(t, s->token);
	t->f = NULL; /* nothing to finalise */
	return o;
}

void token_close(struct token *t)
{
	secret_free(t->pin);
	t->pin = NULL;
	if (t->f != NULL)
		(void)token_outcome("C_Finalize", t->f->C_Finalize(NULL));
	t->f = NULL;
}

static enum outcome log_in(struct token_session *s)
{
	struct token *t = s->token;
	CK_RV code = t->f->C_Login(s->handle, CKU_USER, t->pin->at, t->pin->len);

	if (code == CKR_USER_ALREADY_LOGGED_IN)
		return FINE;
	/* Of all that the module may say, what it says of a token that is half written. */
	t->failure_lasts = code != CKR_OK && code != CKR_GENERAL_ERROR &&
			   code != CKR_FUNCTION_FAILED && code != CKR_TOKEN_NOT_PRESENT &&
			   code != CKR_USER_PIN_NOT_INITIALIZED;
	return token_outcome("C_Login", code);
}

enum outcome token_session_open(struct token *t, struct token_session *s, bool copies)
{
	*s = (struct token_session){ .token = t, .agreed = OPENSSL_secure_zalloc(P256_SCALAR_LEN) };
	if (s->agreed == NULL)
		return NO_MEMORY;
	enum outcome o = token_outcome(
		"C_OpenSession", t->f->C_OpenSession(t->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
					 NULL, NULL, &s->handle));

	if (o == FINE)
		o = log_in(s);
	if (o == FINE)
		o = token_find_keys(s, copies);
	if (o != FINE) {
		OPENSSL_secure_clear_free(s->agreed, P256_SCALAR_LEN);
		s->agreed = NULL;
	}
	return o;
}

/* "arpf.<use>.<generation>" */
static bool read_label(const char *label, size_t len, struct token_key *key)
{
	char text[KEY_LABEL_LEN + 1], expected[KEY_LABEL_LEN + 1];

	if (len > KEY_LABEL_LEN)
		return false;
	memcpy(text, label, len);
	text[len] = '\0';
	for (unsigned use = 0; use < KEY_USE_COUNT; use++) {
		int n = snprintf(expected, sizeof(expected), KEY_PREFIX "%s.",
			key_use_name((enum key_use)use));
		char *end;

		if (strncmp(text, expected, (size_t)n) != 0)
			continue;
		unsigned long generation = strtoul(text + n, &end, 10);

		key->use = (enum key_use)use;
		key->generation = (unsigned)generation;
		return *end == '\0' && generation > 0 && generation < 65536;
	}
	return false;
}

size_t token_public_len(enum key_use use)
{
	if (use == KEY_USE_KEK || use == KEY_USE_SESSION)
		return 0;
	return use == KEY_USE_SUCI_A ? X25519_LEN : P256_POINT_LEN;
}

enum outcome token_read_point(enum key_use use, struct bytes value, uint8_t out[P256_POINT_LEN])
{
	size_t len = token_public_len(use);
	size_t head = value.len == len + 2 ? 2 : 0; /* tag and length of an OCTET STRING */

	if (value.len != len + head || (head > 0 && (value.at[0] != 0x04 || value.at[1] != len)))
		return BROKEN;
	if (use != KEY_USE_SUCI_A && p256_check_point(bytes_of(value.at + head, len)) != FINE)
		return BROKEN;
	memset(out, 0, P256_POINT_LEN);
	memcpy(out, value.at + head, len);
	return FINE;
}

/* The public half, from the public key object of the same CKA_ID. */
static enum outcome read_public_half(struct token_session *s, struct token_key *key)
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_ATTRIBUTE wanted[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, key->key_id, sizeof(key->key_id) },
	};
	uint8_t point[TOKEN_POINT_MAX];
	CK_ATTRIBUTE value = { CKA_EC_POINT, point, sizeof(point) };
	CK_OBJECT_HANDLE object;
	CK_ULONG found = 0;
	enum outcome o =
		token_outcome("C_FindObjectsInit", f->C_FindObjectsInit(s->handle, wanted, 2));

	if (o != FINE)
		return o;
	o = token_outcome("C_FindObjects", f->C_FindObjects(s->handle, &object, 1, &found));
	(void)f->C_FindObjectsFinal(s->handle);
	if (o == FINE && found == 0) {
		log_error("public_key_missing", "use=%s generation=%u", key_use_name(key->use),
			key->generation);
		return BROKEN;
	}
	if (o == FINE)
		o = token_outcome("C_GetAttributeValue",
			f->C_GetAttributeValue(s->handle, object, &value, 1));
	return o == FINE ? token_read_point(
				   key->use, bytes_of(point, value.ulValueLen), key->public_key)
			 : o;
}

/* A session object spares the module a decryption of the stored key at every use. */
static void copy_to_session(struct token_session *s, struct token_key *key)
{
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE as_session[] = { { CKA_TOKEN, &no, sizeof(no) } };
	CK_OBJECT_HANDLE copy;

	if (s->token->f->C_CopyObject(s->handle, key->handle, as_session, 1, &copy) == CKR_OK)
		key->handle = copy;
}

static enum outcome take_object(struct token_session *s, CK_OBJECT_HANDLE object, bool copies)
{
	char label[64];
	struct token_key key = { .handle = object };
	CK_BBOOL is_token = CK_FALSE;
	CK_ATTRIBUTE values[] = {
		{ CKA_LABEL, label, sizeof(label) },
		{ CKA_ID, key.key_id, sizeof(key.key_id) },
		{ CKA_TOKEN, &is_token, sizeof(is_token) },
	};

	if (s->token->f->C_GetAttributeValue(s->handle, object, values, 3) != CKR_OK || !is_token ||
		values[1].ulValueLen != KEY_ID_LEN ||
		!read_label(label, values[0].ulValueLen, &key))
		return FINE; /* not one of ours */
	if (token_find(s, key.use, key.key_id) != NULL)
		return FINE;
	if (s->key_count == KEY_FOUND_MAX) {
		log_error("too_many_keys", "most=%u", KEY_FOUND_MAX);
		return BROKEN;
	}
	enum outcome o = token_public_len(key.use) > 0 ? read_public_half(s, &key) : FINE;

	if (o != FINE)
		return o;
	if (copies)
		copy_to_session(s, &key);
	s->keys[s->key_count++] = key;
	return FINE;
}

static enum outcome find_class(struct token_session *s, CK_OBJECT_CLASS class, bool copies)
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE wanted[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
	};
	CK_OBJECT_HANDLE objects[OBJECTS_AT_ONCE * 8];
	CK_ULONG count = 0, got = 1;
	enum outcome o =
		token_outcome("C_FindObjectsInit", f->C_FindObjectsInit(s->handle, wanted, 2));

	if (o != FINE)
		return o;
	while (o == FINE && got > 0 && count + OBJECTS_AT_ONCE <= OBJECTS_AT_ONCE * 8) {
		o = token_outcome("C_FindObjects",
			f->C_FindObjects(s->handle, objects + count, OBJECTS_AT_ONCE, &got));
		count += o == FINE ? got : 0;
	}
	(void)f->C_FindObjectsFinal(s->handle);
	for (CK_ULONG i = 0; o == FINE && i < count; i++)
		o = take_object(s, objects[i], copies);
	return o;
}

enum outcome token_find_keys(struct token_session *s, bool copies)
{
	s->key_count = 0;
	enum outcome o = find_class(s, CKO_PRIVATE_KEY, copies);

	return o == FINE ? find_class(s, CKO_SECRET_KEY, copies) : o;
}

const struct token_key *token_find(
	const struct token_session *s, enum key_use use, const uint8_t key_id[KEY_ID_LEN])
{
	for (unsigned i = 0; i < s->key_count; i++)
		if (s->keys[i].use == use && memcmp(s->keys[i].key_id, key_id, KEY_ID_LEN) == 0)
			return &s->keys[i];
	return NULL;
}

const struct token_key *token_newest(const struct token_session *s, enum key_use use)
{
	const struct token_key *newest = NULL;

	for (unsigned i = 0; i < s->key_count; i++)
		if (s->keys[i].use == use &&
			(newest == NULL || s->keys[i].generation > newest->generation))
			newest = &s->keys[i];
	return newest;
}

const struct token_key *token_generation(
	const struct token_session *s, enum key_use use, unsigned generation)
{
	for (unsigned i = 0; i < s->key_count; i++)
		if (s->keys[i].use == use && s->keys[i].generation == generation)
			return &s->keys[i];
	return NULL;
}

const struct token_key *token_generation_or_look(
	struct token_session *s, enum key_use use, unsigned generation)
{
	const struct token_key *key = token_generation(s, use, generation);
	int64_t now = clock_ms();

	if (key != NULL || now - s->looked_ms < 1000)
		return key;
	s->looked_ms = now;
	if (find_class(s, token_public_len(use) > 0 ? CKO_PRIVATE_KEY : CKO_SECRET_KEY, true) !=
		FINE)
		return NULL;
	return token_generation(s, use, generation);
}
