#include "hsm/messages.h"

#include <assert.h>

struct operation_row {
	const char *name;
	size_t in, out;
};

static const struct operation_row operations[KEY_OPERATION_COUNT] = {
	[KEY_PING] = { "ping", sizeof(struct key_ping), sizeof(struct key_ping) },
	[KEY_AGREE_EK] = { "agree-ek", sizeof(struct key_agree_ek_in),
		sizeof(struct key_ek_outputs) },
	[KEY_AGREE_EK_FOR_PEER] = { "agree-ek-for-peer", sizeof(struct key_agree_ek_for_peer_in),
		sizeof(struct key_ek_for_peer) },
	[KEY_OPEN_EK_FROM_PEER] = { "open-ek-from-peer", sizeof(struct key_open_ek_from_peer_in),
		sizeof(struct key_ek_outputs) },
	[KEY_SIGN] = { "sign", sizeof(struct key_sign_in), sizeof(struct key_signature) },
	[KEY_CHECK_SEALED] = { "check-sealed", sizeof(struct sealed_key),
		sizeof(struct key_check_value) },
	[KEY_MAKE_VECTOR] = { "make-vector", sizeof(struct key_make_vector_in),
		sizeof(struct key_vector) },
	[KEY_CHECK_AUTS] = { "check-auts", sizeof(struct key_check_auts_in),
		sizeof(struct key_auts) },
	[KEY_DECONCEAL] = { "deconceal", sizeof(struct key_deconceal_in), sizeof(struct key_msin) },
	[KEY_REGISTER_SESSION] = { "register-session", sizeof(struct key_register_session_in),
		sizeof(struct kept_secret) },
	[KEY_AGREE_COMPANION] = { "agree-companion", sizeof(struct key_agree_companion_in),
		sizeof(struct key_companion) },
	[KEY_CONFIRM_COMPANION] = { "confirm-companion", sizeof(struct key_confirm_companion_in),
		sizeof(struct key_confirmation) },
	[KEY_SIGN_IBS] = { "sign-ibs", sizeof(struct key_sign_ibs_in),
		sizeof(struct key_ibs_signature) },
	[KEY_CHECK_ADDITION] = { "check-addition", sizeof(struct key_check_addition_in),
		sizeof(struct key_nothing) },
	[KEY_DERIVE_DEVICE] = { "derive-device", sizeof(struct key_derive_device_in),
		sizeof(struct key_device) },
	[KEY_OFFER_EXCHANGE] = { "offer-exchange", sizeof(struct key_offer_exchange_in),
		sizeof(struct key_offer) },
	[KEY_ACCEPT_ATTACH] = { "accept-attach", sizeof(struct key_accept_attach_in),
		sizeof(struct key_accept) },
	[KEY_BIND_PROFILE] = { "bind-profile", sizeof(struct key_bind_profile_in),
		sizeof(struct key_bound_profile) },
	[KEY_CHECK_NOTIFICATION] = { "check-notification", sizeof(struct key_check_notification_in),
		sizeof(struct key_nothing) },
	[KEY_MAKE_SUBSCRIBER] = { "make-subscriber", sizeof(struct key_make_subscriber_in),
		sizeof(struct sealed_key) },
	[KEY_SEAL_SUBSCRIBER] = { "seal-subscriber", sizeof(struct key_seal_subscriber_in),
		sizeof(struct sealed_key) },
};

static const char *const uses[KEY_USE_COUNT] = {
	[KEY_USE_ECKA] = "ecka",
	[KEY_USE_SIGN] = "sign",
	[KEY_USE_RECIPIENT] = "recipient",
	[KEY_USE_KEK] = "kek",
	[KEY_USE_SESSION] = "session",
	[KEY_USE_SUCI_A] = "suci-a",
	[KEY_USE_SUCI_B] = "suci-b",
};

size_t key_operation_in_size(enum key_operation operation)
{
	return operation < KEY_OPERATION_COUNT ? operations[operation].in : 0;
}

size_t key_operation_out_size(enum key_operation operation)
{
	return operation < KEY_OPERATION_COUNT ? operations[operation].out : 0;
}

const char *key_operation_name(enum key_operation operation)
{
	return operation < KEY_OPERATION_COUNT ? operations[operation].name : "unknown";
}

const char *key_use_name(enum key_use use)
{
	return use < KEY_USE_COUNT ? uses[use] : "unknown";
}

struct key_text key_text_of(const char *text)
{
	struct key_text k = { .len = (uint16_t)strlen(text) };

	assert(k.len <= KEY_TEXT_MAX);
	memcpy(k.at, text, k.len);
	return k;
}
