/*
 * What arpf-keyd reads from its socket: an answer fits its request, or there is none. Behind it stands a token that does
 * as it is told and computes nothing, so that every operation goes as far as its items take it; what only a key could
 * have made, the kept secrets and MAC1, is put into the items before they are answered, unless the batch's number is
 * odd.
 */
#include <stdlib.h>

#include "crypto/kdf.h"
#include "crypto/transcript.h"
#include "hsm/keyd/exchange.h"
#include "hsm/keyd/keep.h"
#include "hsm/keyd/operations.h"
#include "hsm/keyd/serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the token */

static CK_RV fill(CK_BYTE_PTR at, CK_ULONG len)
{
	for (CK_ULONG i = 0; i < len; i++)
		at[i] = (CK_BYTE)(i + 1);
	return CKR_OK;
}

static CK_RV random_bytes(CK_SESSION_HANDLE s, CK_BYTE_PTR at, CK_ULONG len)
{
	(void)s;
	return fill(at, len);
}

static CK_RV create(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR as, CK_ULONG n, CK_OBJECT_HANDLE_PTR out)
{
	(void)s, (void)as, (void)n;
	*out = 1;
	return CKR_OK;
}

static CK_RV generate(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_ATTRIBUTE_PTR as, CK_ULONG n,
	CK_OBJECT_HANDLE_PTR out)
{
	(void)m;
	return create(s, as, n, out);
}

static CK_RV destroy(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE object)
{
	(void)s, (void)object;
	return CKR_OK;
}

static CK_RV wrap_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE with,
	CK_OBJECT_HANDLE key, CK_BYTE_PTR out, CK_ULONG_PTR len)
{
	(void)s, (void)m, (void)with, (void)key;
	return fill(out, *len);
}

static CK_RV unwrap_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE with,
	CK_BYTE_PTR at, CK_ULONG len, CK_ATTRIBUTE_PTR as, CK_ULONG n, CK_OBJECT_HANDLE_PTR out)
{
	(void)m, (void)with, (void)at, (void)len;
	return create(s, as, n, out);
}

static CK_RV derive_key(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE with,
	CK_ATTRIBUTE_PTR as, CK_ULONG n, CK_OBJECT_HANDLE_PTR out)
{
	(void)m, (void)with;
	return create(s, as, n, out);
}

static CK_RV get_attributes(
	CK_SESSION_HANDLE s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR as, CK_ULONG n)
{
	(void)s, (void)object;
	for (CK_ULONG i = 0; i < n; i++)
		(void)fill(as[i].pValue, as[i].ulValueLen);
	return CKR_OK;
}

static CK_RV begin(CK_SESSION_HANDLE s, CK_MECHANISM_PTR m, CK_OBJECT_HANDLE key)
{
	(void)s, (void)m, (void)key;
	return CKR_OK;
}

static CK_RV encrypt(
	CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR len)
{
	(void)s;
	if (*len < in_len)
		abort();
	memcpy(out, in, in_len);
	*len = in_len;
	return CKR_OK;
}

static CK_RV sign(
	CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR len)
{
	(void)s, (void)in, (void)in_len;
	return fill(out, *len);
}

static CK_RV find_init(CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR as, CK_ULONG n)
{
	(void)s, (void)as, (void)n;
	return CKR_OK;
}

static CK_RV find(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE_PTR out, CK_ULONG most, CK_ULONG_PTR count)
{
	(void)s;
	*count = most > 0 ? 1 : 0;
	*out = 1;
	return CKR_OK;
}

static CK_RV find_end(CK_SESSION_HANDLE s)
{
	(void)s;
	return CKR_OK;
}

static CK_FUNCTION_LIST functions = {
	.C_GenerateRandom = random_bytes,
	.C_CreateObject = create,
	.C_GenerateKey = generate,
	.C_DestroyObject = destroy,
	.C_WrapKey = wrap_key,
	.C_UnwrapKey = unwrap_key,
	.C_DeriveKey = derive_key,
	.C_GetAttributeValue = get_attributes,
	.C_EncryptInit = begin,
	.C_Encrypt = encrypt,
	.C_SignInit = begin,
	.C_Sign = sign,
	.C_FindObjectsInit = find_init,
	.C_FindObjects = find,
	.C_FindObjectsFinal = find_end,
};

/* A key of every use, of generation 1 and an identity of zeros. */
static struct keyd_thread *thread_of_test(void)
{
	static struct token token = { .f = &functions };
	static struct workshop secrets;
	static uint8_t agreed[P256_SCALAR_LEN];
	static struct keyd_thread thread = {
		.session = { .token = &token, .agreed = agreed },
		.secrets = &secrets,
		.largest_tree = 64,
		.takes_subscribers = true,
	};
	struct token_session *s = &thread.session;

	for (; s->key_count < KEY_USE_COUNT; s->key_count++)
		s->keys[s->key_count] = (struct token_key){
			.use = (enum key_use)s->key_count, .generation = 1, .handle = 1
		};
	return &thread;
}

/* ---- what only a key could have made */

static uint8_t k[KEPT_SECRET_LEN] = "the session key of the harness";

static void keep(
	struct token_session *s, const char *label, struct bytes whose, struct kept_secret *kept)
{
	struct keeping one = { .secret = k, .kept = kept, .label = label, .whose = whose };

	if (keep_secrets(s, &one, 1) != FINE || one.outcome != FINE)
		abort();
}

static void repair_session(
	struct token_session *s, const struct key_session *session, struct kept_secret *kept)
{
	uint8_t room[KEEP_SESSION_MAX];
	struct bytes whose;

	if (keep_session_whose(session, room, &whose) == FINE)
		keep(s, "session", whose, kept);
}

static void repair_mac1(struct key_agree_companion_in *in)
{
	uint8_t room[2048];
	struct bytes message;
	struct transcript t = transcript_start(room, sizeof(room), "arpf mac1 v1");

	if (in->p_type.len > KEY_TEXT_MAX || in->device_id.len > KEY_TEXT_MAX ||
		in->group.len > KEY_TEXT_MAX || in->a_len > COMPANION_A_MAX ||
		in->session.akid_len > AKID_MAX)
		return;
	transcript_add(&t, bytes_of(in->p_type.at, in->p_type.len));
	transcript_add(&t, bytes_of(in->device_id.at, in->device_id.len));
	transcript_add(&t, bytes_of(in->group.at, in->group.len));
	transcript_add(&t, bytes_of(in->a, in->a_len));
	transcript_add(&t, bytes_of(in->session.akid, in->session.akid_len));
	if (!transcript_end(&t, &message) || hmac_sha256(BYTES(k), &message, 1, in->mac1) != FINE)
		abort();
}

static void repair_kdm(struct token_session *s, struct key_confirm_companion_in *in)
{
	uint8_t room[128];
	struct bytes whose;
	struct transcript t = transcript_start(room, sizeof(room), "arpf kdm v1");

	if (in->device_id.len > KEY_TEXT_MAX)
		return;
	transcript_add(&t, BYTES(in->access_id));
	transcript_add(&t, bytes_of(in->device_id.at, in->device_id.len));
	if (transcript_end(&t, &whose))
		keep(s, "kdm", whose, &in->kdm);
}

static void repair_scalar(
	struct token_session *s, const struct key_exchange *x, struct kept_secret *kept)
{
	uint8_t room[EXCHANGE_WHOSE_MAX];
	struct bytes whose;

	if (exchange_is_good(x) && exchange_whose(x, room, &whose) == FINE)
		keep(s, exchange_scalar_label(x), whose, kept);
}

static void repair_k_opc(struct token_session *s, struct key_bind_profile_in *in)
{
	uint8_t room[EXCHANGE_WHOSE_MAX];
	struct transcript t = transcript_start(room, sizeof(room), "arpf profile v1");
	struct bytes whose;

	transcript_add(&t, BYTES(in->exchange.id));
	if (transcript_end(&t, &whose))
		keep(s, "profile", whose, &in->k_opc);
}

/* Kn, and the MAC under it. */
static void repair_notification(struct token_session *s, struct key_check_notification_in *in)
{
	uint8_t room[160];
	struct bytes message;
	struct transcript t = transcript_start(room, sizeof(room), "arpf notification v1");

	transcript_add(&t, BYTES(in->download_id));
	if (in->result.len > KEY_TEXT_MAX || !transcript_end(&t, &message))
		return;
	keep(s, "notification", message, &in->kn);
	t = transcript_start(room, sizeof(room), "arpf dp notification v1");
	exchange_add_id(&t, in->download_id);
	transcript_add(&t, bytes_of(in->result.at, in->result.len));
	if (!transcript_end(&t, &message) || hmac_sha256(BYTES(k), &message, 1, in->mac) != FINE)
		abort();
}

static void repair_item(struct token_session *s, uint32_t operation, uint8_t *item)
{
	/* By way of copies: items of a message lie as they come. */
	union {
		struct key_agree_companion_in agree;
		struct key_confirm_companion_in confirm;
		struct key_check_addition_in addition;
		struct key_derive_device_in device;
		struct key_accept_attach_in accept;
		struct key_bind_profile_in bind;
		struct key_check_notification_in notification;
	} u;
	size_t size = key_operation_in_size((enum key_operation)operation);

	if (size > sizeof(u))
		return;
	memcpy(&u, item, size);
	if (operation == KEY_AGREE_COMPANION) {
		repair_session(s, &u.agree.session, &u.agree.k);
		repair_mac1(&u.agree);
	} else if (operation == KEY_CONFIRM_COMPANION) {
		repair_kdm(s, &u.confirm);
	} else if (operation == KEY_CHECK_ADDITION) {
		repair_session(s, &u.addition.session, &u.addition.k);
	} else if (operation == KEY_DERIVE_DEVICE) {
		repair_session(s, &u.device.session, &u.device.k);
	} else if (operation == KEY_ACCEPT_ATTACH) {
		repair_scalar(s, &u.accept.exchange, &u.accept.scalar);
	} else if (operation == KEY_BIND_PROFILE) {
		repair_scalar(s, &u.bind.exchange, &u.bind.scalar);
		repair_k_opc(s, &u.bind);
	} else if (operation == KEY_CHECK_NOTIFICATION) {
		repair_notification(s, &u.notification);
	}
	memcpy(item, &u, size);
}

static void repair(struct token_session *s, uint8_t *message, size_t size)
{
	struct key_batch_header h;

	if (size < sizeof(h))
		return;
	memcpy(&h, message, sizeof(h));
	size_t item = key_operation_in_size((enum key_operation)h.operation);

	if (h.operation >= KEY_OPERATION_COUNT || h.count > KEY_BATCH_MAX || h.batch % 2 == 1 ||
		size != sizeof(h) + h.count * item)
		return;
	for (unsigned i = 0; i < h.count; i++)
		repair_item(s, h.operation, message + sizeof(h) + i * item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t room[KEY_MESSAGE_MAX];
	struct keyd_thread *thread = thread_of_test();
	struct buffer reply = buffer_over(room, sizeof(room));
	struct key_batch_header asked, answered;
	uint8_t *message = malloc(size > 0 ? size : 1);

	if (message == NULL)
		abort();
	memcpy(message, data, size);
	repair(&thread->session, message, size);
	bool is_answered = keyd_answer(thread, bytes_of(message, size), &reply);

	free(message);
	if (!is_answered)
		return 0;
	memcpy(&asked, data, sizeof(asked));
	memcpy(&answered, room, sizeof(answered));
	size_t out = key_operation_out_size((enum key_operation)asked.operation);

	if (reply.full || memcmp(&asked, &answered, sizeof(asked)) != 0 ||
		reply.len != sizeof(asked) + asked.count * (sizeof(struct key_result_header) + out))
		abort();
	return 0;
}
