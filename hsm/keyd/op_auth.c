/*
 * 5G AKA's home side (docs/protocol.md section 5; TS 33.501 6.1.3.2, TS 33.102 6.3): Milenage's block cipher runs inside
 * the token, under a K that is opened there for the moment; what is made of its outputs is made here.
 *
 * RAND is drawn last: the token encrypts a random block X together with the two blocks that open OPc, and RAND is X
 * xor OPc, as random as X. So TEMP = E_K(RAND xor OPc) = E_K(X) costs no call of its own.
 */
#include <openssl/rand.h>

#include "base/secret.h"
#include "crypto/kdf_5g.h"
#include "hsm/keyd/operations.h"

/* Bit 0 of the AMF is the separation bit (TS 33.102 Annex H): 1 in 5G. */
static const uint8_t amf_5g[2] = { 0x80, 0x00 };
/* TS 33.102 6.3.3: a dummy AMF of zeros in f1*. */
static const uint8_t amf_resync[2] = { 0x00, 0x00 };

static void write_sqn(uint64_t sqn, uint8_t out[6])
{
	for (unsigned i = 0; i < 6; i++)
		out[i] = (uint8_t)(sqn >> (40 - 8 * i));
}

/* Opens OPc, and encrypts one block more on the same way: OPc at r->opc, the block's ciphertext at r->temp. */
static enum outcome open_opc_and_encrypt(struct token_session *s, struct auth_room *r,
	const struct opened_key *opened, const uint8_t block[16])
{
	memcpy(r->in, SEAL_OPC_BLOCK, 16);
	memcpy(r->in + 16, SEAL_OPC_TAG_BLOCK, 16);
	memcpy(r->in + 32, block, 16);
	enum outcome o = token_encrypt_blocks(s, opened->k, r->in, 48, r->out);

	if (o == FINE)
		o = opened_opc(opened, r->out, r->out + 16, r->opc);
	if (o == MAC_INVALID) /* a damaged row; the caller's MAC is another matter */
		o = BROKEN;
	memcpy(r->temp, r->out + 32, 16);
	return o;
}

/* f1 to f5* of TEMP, at r->functions. */
static enum outcome run_functions(struct token_session *s, struct auth_room *r,
	const struct opened_key *opened, const uint8_t sqn[6], const uint8_t amf[2])
{
	milenage_blocks(r->temp, r->opc, sqn, amf, r->in);
	enum outcome o = token_encrypt_blocks(s, opened->k, r->in, MILENAGE_BLOCKS_LEN, r->out);

	if (o == FINE)
		milenage_outputs(r->out, r->opc, &r->functions);
	return o;
}

static void write_autn(const struct milenage *m, const uint8_t sqn[6], uint8_t autn[16])
{
	for (unsigned i = 0; i < 6; i++)
		autn[i] = sqn[i] ^ m->ak[i];
	memcpy(autn + 6, amf_5g, 2);
	memcpy(autn + 8, m->mac_a, 8);
}

static enum outcome make_vector(struct token_session *s, struct auth_room *r,
	const struct opened_key *opened, const struct key_make_vector_in *in,
	struct key_vector *out)
{
	const struct milenage *m = &r->functions;
	struct bytes network = bytes_of(in->serving_network.at, in->serving_network.len);
	uint8_t x[16], sqn[6];

	if (network.len > KEY_TEXT_MAX || in->sqn >> 48 != 0)
		return INVALID_PARAMETER;
	if (opened->k_len != 16)
		return CONFLICT; /* Milenage is AES-128 */
	if (RAND_bytes(x, sizeof(x)) != 1)
		return BROKEN;
	enum outcome o = open_opc_and_encrypt(s, r, opened, x);

	for (unsigned i = 0; o == FINE && i < 16; i++)
		out->rand[i] = x[i] ^ r->opc[i];
	write_sqn(in->sqn, sqn);
	if (o == FINE)
		o = run_functions(s, r, opened, sqn, amf_5g);
	if (o == FINE) {
		write_autn(m, sqn, out->autn);
		o = kdf_res_star(m->ck, m->ik, network, out->rand, BYTES(m->res), out->xres_star);
	}
	if (o == FINE)
		o = kdf_kausf(m->ck, m->ik, network, out->autn, out->kausf);
	return o;
}

/* One opened K serves all requests of the batch for its subscriber. */
enum outcome perform_make_vector(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_make_vector_in *in = (const void *)b->items;
	struct key_vector *out = (void *)b->results;
	struct auth_room *r = &t->secrets->auth;
	bool is_done[KEY_BATCH_MAX] = { false };
	struct opened_key opened;

	for (unsigned first = 0; first < b->count; first++) {
		if (is_done[first])
			continue;
		enum outcome o =
			open_sealed_k(&t->session, &in[first].sealed, OPENED_ENCRYPTS, &opened);

		for (unsigned i = first; i < b->count; i++) {
			if (is_done[i] ||
				memcmp(&in[i].sealed, &in[first].sealed, sizeof(in[i].sealed)) != 0)
				continue;
			b->outcomes[i] =
				o == FINE ? make_vector(&t->session, r, &opened, &in[i], &out[i])
					  : o;
			is_done[i] = true;
		}
		if (o == FINE)
			token_destroy(&t->session, opened.k);
		wipe(r, sizeof(*r));
	}
	return FINE;
}

/* TS 33.102 6.3.3 and 6.3.5: AUTS is SQN_MS xor AK*, MAC-S; AK* does not depend on the SQN that MAC-S covers. */
static enum outcome check_auts(struct token_session *s, struct auth_room *r,
	const struct opened_key *opened, const struct key_check_auts_in *in, struct key_auts *out)
{
	static const uint8_t nothing[16];
	uint8_t block[16], sqn[6] = { 0 };

	if (opened->k_len != 16)
		return CONFLICT;
	enum outcome o = open_opc_and_encrypt(s, r, opened, nothing);

	milenage_temp_block(in->rand, r->opc, block);
	if (o == FINE)
		o = token_encrypt_blocks(s, opened->k, block, sizeof(block), r->temp);
	if (o == FINE)
		o = run_functions(s, r, opened, sqn, amf_resync);
	for (unsigned i = 0; i < 6; i++) {
		sqn[i] = in->auts[i] ^ r->functions.ak_star[i];
		out->sqn_ms = out->sqn_ms << 8 | sqn[i];
	}
	if (o == FINE)
		o = run_functions(s, r, opened, sqn, amf_resync);
	if (o == FINE && !equal_in_constant_time(r->functions.mac_s, in->auts + 6, 8))
		o = MAC_INVALID;
	wipe(block, sizeof(block));
	return o;
}

enum outcome perform_check_auts(struct keyd_thread *t, const struct key_batch *b)
{
	const struct key_check_auts_in *in = (const void *)b->items;
	struct key_auts *out = (void *)b->results;
	struct auth_room *r = &t->secrets->auth;
	struct opened_key opened;

	for (unsigned i = 0; i < b->count; i++) {
		b->outcomes[i] =
			open_sealed_k(&t->session, &in[i].sealed, OPENED_ENCRYPTS, &opened);
		if (b->outcomes[i] != FINE)
			continue;
		b->outcomes[i] = check_auts(&t->session, r, &opened, &in[i], &out[i]);
		token_destroy(&t->session, opened.k);
		wipe(r, sizeof(*r));
	}
	return FINE;
}
