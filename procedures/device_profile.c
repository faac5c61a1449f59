#include "procedures/device_profile.h"

#include "crypto/merkle.h"
#include "crypto/transcript.h"
#include "procedures/body.h"
#include "procedures/supi.h"

#define MCC_DIGITS 3

void profile_write_network(struct txn *t, struct json_out *o)
{
	const struct settings *s = t->services->settings;
	const char *digits = arena_printf(t->arena, "%0*u", s->home.digits, s->home.number);

	json_key(o, "networkIdentity");
	json_open(o, '{');
	if (digits != NULL) {
		json_key(o, "mcc");
		json_text_of(o, bytes_of(digits, MCC_DIGITS));
		json_member_text(o, "mnc", digits + MCC_DIGITS);
	}
	o->failed = o->failed || digits == NULL;
	json_member_text(o, "name", s->network_name);
	json_close(o, '}');
}

void profile_write_period(struct json_out *o, int64_t issued_at, int64_t not_after)
{
	json_key(o, "issuedAt");
	json_time(o, issued_at);
	json_key(o, "notAfter");
	json_time(o, not_after);
}

static void write_k_prime(struct json_out *o, const struct device_profile *p)
{
	json_key(o, "encryptedKPrime");
	json_open(o, '{');
	json_member_text(o, "scheme", p->device->is_rsa ? "rsa-oaep-sha256" : "ecies-p256");
	if (!p->device->is_rsa)
		json_member_base64(o, "ephemeralPublicKey", BYTES(p->keys->ephemeral));
	json_member_base64(o, "ciphertext", bytes_of(p->keys->ciphertext, p->keys->ciphertext_len));
	if (!p->device->is_rsa)
		json_member_base64(o, "mac", BYTES(p->keys->mac));
	json_close(o, '}');
}

enum outcome device_profile_write(struct txn *t, struct device_profile *p)
{
	struct json_out o = json_start(t->arena);
	char supi[SUPI_TEXT_LEN];
	size_t len;

	supi_write(p->imsi, supi);
	json_open(&o, '{');
	json_member_number(&o, "version", 1);
	json_member_text(&o, "supi", supi);
	json_member_hex(&o, "accessId", BYTES(p->access_id));
	json_member_text(&o, "deviceId", p->device->device_id);
	json_member_text(&o, "manufacturer", p->device->manufacturer);
	json_member_text(&o, "model", p->device->model);
	profile_write_network(t, &o);
	write_k_prime(&o, p);
	profile_write_period(&o, p->issued_at, p->not_after);
	json_close(&o, '}');
	const char *text = json_end(&o, &len);
	p->text = bytes_of(text, len);
	return text != NULL ? FINE : NO_MEMORY;
}

enum outcome device_profile_ask_signature(struct txn *t, struct device_profile *p)
{
	size_t cap = sizeof("arpf profile v1") + 2 + p->text.len;
	void *room = arena_alloc(t->arena, cap);
	uint8_t leaf[MERKLE_HASH_LEN];
	struct bytes message;

	if (room == NULL)
		return NO_MEMORY;
	struct transcript m = transcript_start(room, cap, "arpf profile v1");
	transcript_add(&m, p->text);
	enum outcome o = transcript_end(&m, &message) ? merkle_leaf(message, leaf) : BROKEN;
	return o == FINE ? own_signature_ask(t, &p->signature, leaf, false) : o;
}

enum outcome device_profile_answer(
	struct txn *t, const struct device_profile *p, struct bytes nonce, int status)
{
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	json_member_base64(&o, "profile", p->text);
	json_key(&o, "profileSignature");
	json_open(&o, '{');
	own_signature_write(&o, &p->signature);
	json_close(&o, '}');
	json_member_base64(&o, "nonce", nonce);
	json_key(&o, "sealedKDoublePrime");
	json_open(&o, '{');
	json_member_base64(&o, "iv", BYTES(p->keys->iv));
	json_member_base64(&o, "ciphertext", BYTES(p->keys->sealed_k_double_prime));
	json_close(&o, '}');
	json_close(&o, '}');
	return answer_json(t, status, &o);
}
