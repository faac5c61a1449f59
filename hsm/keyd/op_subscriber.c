/*
 * Subscribers with an existing K (KEY_SEAL_SUBSCRIBER): K as a file brings it, or, where the file is encrypted under
 * a transport key of the token's, opened and wrapped anew inside the token.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "crypto/milenage.h"
#include "hsm/keyd/operations.h"

/* One data key serves an import's batches until one of these is reached. */
#define IMPORT_MOST_USES 4096u
#define IMPORT_MOST_MS   10000

void import_key_end(struct keyd_thread *t)
{
	if (t->secrets->import_uses == 0)
		return;
	data_key_end(&t->session, &t->secrets->import_key);
	t->secrets->import_uses = 0;
}

void import_key_end_if_old(struct keyd_thread *t)
{
	struct workshop *w = t->secrets;

	if (w->import_uses > 0 && clock_ms() - w->import_made_ms >= IMPORT_MOST_MS)
		import_key_end(t);
}

static enum outcome take_import_key(struct keyd_thread *t)
{
	struct workshop *w = t->secrets;

	import_key_end_if_old(t);
	if (w->import_uses >= IMPORT_MOST_USES)
		import_key_end(t);
	if (w->import_uses == 0) {
		enum outcome o = data_key_make(&t->session, &w->import_key);

		if (o != FINE)
			return o;
		w->import_made_ms = clock_ms();
	}
	w->import_uses++;
	return FINE;
}

/* A flag as it crosses: any byte may have come. */
static bool read_flag(const bool *flag, bool *out)
{
	uint8_t v;

	memcpy(&v, flag, sizeof(v));
	*out = v == 1;
	return v <= 1;
}

static enum outcome find_transport_key(struct keyd_thread *t, const char *label)
{
	struct transport_key *found = &t->transport_key;
	CK_FUNCTION_LIST *f = t->session.token->f;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE wanted[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
	};
	CK_ULONG count = 0;

	if (found->label[0] != '\0' && strcmp(found->label, label) == 0)
		return FINE;
	enum outcome o = token_outcome(
		"C_FindObjectsInit", f->C_FindObjectsInit(t->session.handle, wanted, 4));

	if (o != FINE)
		return o;
	found->label[0] = '\0';
	o = token_outcome(
		"C_FindObjects", f->C_FindObjects(t->session.handle, &found->object, 1, &count));
	(void)f->C_FindObjectsFinal(t->session.handle);
	if (o == FINE && count == 0)
		o = RESOURCE_NOT_FOUND;
	if (o == FINE)
		memcpy(found->label, label, strlen(label) + 1);
	return o;
}

static enum outcome seal_wrapped(struct keyd_thread *t, const struct key_seal_subscriber_in *in,
	bool is_op, struct sealed_key *out)
{
	struct token_session *s = &t->session;
	CK_OBJECT_HANDLE k;
	enum outcome o = find_transport_key(t, in->transport_key);
	struct unwrapping u = {
		.with = t->transport_key.object,
		.wrapped = bytes_of(in->k, in->k_len + 8u),
		.use = CKA_ENCRYPT,
		.is_extractable = true,
	};

	if (o == FINE)
		o = token_unwrap_outcome(token_unwrap(s, &u, &k));
	if (o != FINE && o != MAC_INVALID)
		t->transport_key.label[0] = '\0'; /* it may be gone from the token */
	if (o != FINE)
		return o;
	/* RFC 3394 leaves K no other length than its ciphertext's less 8; SoftHSM gives such an object no CKA_VALUE_LEN. */
	o = seal_token_key(s, &t->secrets->import_key, k, in->k_len, in->opc, is_op, out);
	token_destroy(s, k);
	return o;
}

static enum outcome seal_plain(struct keyd_thread *t, const struct key_seal_subscriber_in *in,
	bool is_op, struct sealed_key *out)
{
	struct bytes k = bytes_of(in->k, in->k_len);
	uint8_t *opc = t->secrets->kd;
	enum outcome o = FINE;

	memcpy(opc, in->opc, sizeof(in->opc));
	if (is_op)
		o = milenage_opc(k, in->opc, opc);
	if (o == FINE)
		o = seal_keys(&t->secrets->import_key, k, opc, out);
	wipe(opc, sizeof(t->secrets->kd));
	return o;
}

/* The server's own keys open no file. */
static bool is_transport_label(const char label[KEY_LABEL_LEN + 1])
{
	size_t len = strnlen(label, KEY_LABEL_LEN + 1);

	return len > 0 && len <= KEY_LABEL_LEN &&
	       strncmp(label, KEY_PREFIX, strlen(KEY_PREFIX)) != 0;
}

static enum outcome seal_subscriber(
	struct keyd_thread *t, const struct key_seal_subscriber_in *in, struct sealed_key *out)
{
	bool is_wrapped, is_op;

	if (!read_flag(&in->is_wrapped, &is_wrapped) || !read_flag(&in->is_op, &is_op) ||
		(in->k_len != 16 && in->k_len != 32))
		return INVALID_PARAMETER;
	if (is_wrapped && !is_transport_label(in->transport_key))
		return RESOURCE_NOT_FOUND;
	enum outcome o = take_import_key(t);

	if (o != FINE)
		return o;
	return is_wrapped ? seal_wrapped(t, in, is_op, out) : seal_plain(t, in, is_op, out);
}

enum outcome perform_seal_subscriber(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_seal_subscriber_in *in = (const void *)b->items;
	struct sealed_key *out = (void *)b->results;

	/* To seal an OP under a K one cannot see is to have that K encrypt it: nothing for a server to ask. */
	if (!t->takes_subscribers)
		return ROLE_NOT_PERMITTED;
	for (unsigned i = 0; i < b->count; i++)
		b->outcomes[i] = seal_subscriber(t, &in[i], &out[i]);
	return FINE;
}
