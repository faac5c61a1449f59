#include "procedures/exchange_offer.h"

#include <openssl/rand.h>

#include "procedures/batch_signature.h"
#include "procedures/body.h"

enum outcome exchange_offer_ask(struct txn *t, struct exchange_offer *x, enum exchange_kind kind,
	const char *subject, struct bytes device_nonce)
{
	struct key_exchange *e = &x->ask.exchange;

	x->key = own_keys_newest(t->own_keys, KEY_USE_SIGN);
	if (x->key == NULL)
		return txn_refuse(t, HSM_UNAVAILABLE, "The server has no signing key.");
	if (device_nonce.len != sizeof(e->device_nonce) || RAND_bytes(e->id, sizeof(e->id)) != 1 ||
		RAND_bytes(e->server_nonce, sizeof(e->server_nonce)) != 1)
		return BROKEN;
	e->kind = (uint16_t)kind;
	e->subject = key_text_of(subject);
	memcpy(e->device_nonce, device_nonce.at, sizeof(e->device_nonce));
	memcpy(x->ask.sign_key_id, x->key->key_id, sizeof(x->ask.sign_key_id));
	return txn_ask_key(t, KEY_OFFER_EXCHANGE, &x->ask, &x->made);
}

/* The signing certificate first, each one certified by the next. */
static void write_chain(struct json_out *o, const struct own_key *key)
{
	struct bytes rest = key->chain, der;

	json_key(o, "certificateChain");
	json_open(o, '[');
	json_base64(o, key->certificate);
	while (own_key_chain_next(&rest, &der))
		json_base64(o, der);
	json_close(o, ']');
}

static void write_signature(struct json_out *o, const struct exchange_offer *x)
{
	const struct key_signature *made = &x->made.signature;

	json_key(o, "signature");
	json_open(o, '{');
	batch_signature_write(o, &(struct batch_signature){ .suite = BATCH_SUITE_ECDSA,
					 .signer_id = BYTES(x->key->signer_id),
					 .signature = BYTES(made->signature),
					 .tree_size = made->tree_size,
					 .leaf_index = made->leaf_index,
					 .path = made->path,
					 .path_count = made->path_count });
	json_close(o, '}');
}

enum outcome exchange_offer_answer(
	struct txn *t, const struct exchange_offer *x, const char *id_name)
{
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	json_member_hex(&o, id_name, BYTES(x->ask.exchange.id));
	json_member_base64(&o, "serverNonce", BYTES(x->ask.exchange.server_nonce));
	json_member_base64(&o, "ephemeralPublicKey", BYTES(x->made.ephemeral));
	write_chain(&o, x->key);
	write_signature(&o, x);
	json_close(&o, '}');
	return answer_json(t, 201, &o);
}
