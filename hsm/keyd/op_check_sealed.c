/* Whether what the database holds of a device's K still opens inside the token: its key check value. */
#include "base/secret.h"
#include "hsm/keyd/operations.h"

static enum outcome check(
	struct token_session *s, const struct sealed_key *sealed, struct key_check_value *value)
{
	uint8_t in[48] = { 0 }, block[48], opc[16];
	struct opened_key opened;
	enum outcome o = open_sealed_k(s, sealed, OPENED_ENCRYPTS, &opened);

	if (o != FINE)
		return o;
	memcpy(in + 16, SEAL_OPC_BLOCK, 16);
	memcpy(in + 32, SEAL_OPC_TAG_BLOCK, 16);
	o = token_encrypt_blocks(s, opened.k, in, sizeof(in), block);
	token_destroy(s, opened.k);
	if (o == FINE)
		o = opened_opc(&opened, block + 16, block + 32, opc);
	if (o == FINE)
		memcpy(value->kcv, block, sizeof(value->kcv));
	wipe(block, sizeof(block));
	wipe(opc, sizeof(opc));
	return o;
}

enum outcome perform_check_sealed(struct keyd_thread *t, const struct key_batch *b)
{
	const struct sealed_key *in = (const void *)b->items;
	struct key_check_value *out = (void *)b->results;

	for (unsigned i = 0; i < b->count; i++)
		b->outcomes[i] = check(&t->session, &in[i], &out[i]);
	return FINE;
}
