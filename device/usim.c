#include "device/usim.h"

#include "base/secret.h"
#include "crypto/kdf_5g.h"
#include "crypto/milenage.h"

#define SQN_LEN            6
#define AMF_OCTET          6 /* of AUTN: SQN xor AK, AMF, MAC-A (TS 33.102 clause 6.3.2) */
#define MAC_OCTET          8
#define AMF_SEPARATION_BIT 0x80

void usim_make(struct usim *u, const uint8_t k[16], const uint8_t opc[16])
{
	*u = (struct usim){ 0 };
	memcpy(u->k, k, sizeof(u->k));
	memcpy(u->opc, opc, sizeof(u->opc));
}

void usim_set_sqn(struct usim *u, uint64_t sqn)
{
	for (unsigned i = 0; i < USIM_INDICES; i++)
		u->seq[i] = sqn >> USIM_IND_BITS;
}

uint64_t usim_sqn(const struct usim *u)
{
	uint64_t greatest = 0;

	for (unsigned i = 0; i < USIM_INDICES; i++) {
		uint64_t sqn = u->seq[i] << USIM_IND_BITS | i;

		if (u->seq[i] > 0 && sqn > greatest)
			greatest = sqn;
	}
	return greatest;
}

static void xor_sqn(const uint8_t a[SQN_LEN], const uint8_t b[SQN_LEN], uint8_t out[SQN_LEN])
{
	for (int i = 0; i < SQN_LEN; i++)
		out[i] = a[i] ^ b[i];
}

static uint64_t read_sqn(const uint8_t in[SQN_LEN])
{
	uint64_t sqn = 0;

	for (int i = 0; i < SQN_LEN; i++)
		sqn = sqn << 8 | in[i];
	return sqn;
}

static void write_sqn(uint64_t sqn, uint8_t out[SQN_LEN])
{
	for (int i = SQN_LEN - 1; i >= 0; i--, sqn >>= 8)
		out[i] = (uint8_t)sqn;
}

/* TS 33.102 clause C.2.1 without the age limit L, which is optional. */
static bool take_sqn(struct usim *u, uint64_t sqn)
{
	uint64_t seq = sqn >> USIM_IND_BITS;
	uint64_t *used = &u->seq[sqn % USIM_INDICES];

	if (seq <= *used || seq > (usim_sqn(u) >> USIM_IND_BITS) + USIM_DELTA)
		return false;
	*used = seq;
	return true;
}

/* Clause 6.3.3: SQN_MS concealed by AK*, and MAC-S over it with an AMF of zeros. */
static enum outcome make_auts(const struct usim *u, const uint8_t rand[16], uint8_t auts[AUTS_LEN])
{
	static const uint8_t no_amf[2] = { 0, 0 };
	uint8_t sqn[SQN_LEN];
	struct milenage m;

	write_sqn(usim_sqn(u), sqn);
	enum outcome o = milenage_with_k(u->k, u->opc, rand, sqn, no_amf, &m);

	if (o == FINE) {
		xor_sqn(sqn, m.ak_star, auts);
		memcpy(auts + SQN_LEN, m.mac_s, sizeof(m.mac_s));
	}
	wipe(&m, sizeof(m));
	return o;
}

static enum outcome derive(const struct milenage *m, const uint8_t rand[16], const uint8_t autn[16],
	struct bytes serving_network, struct usim_answer *out)
{
	enum outcome o =
		kdf_res_star(m->ck, m->ik, serving_network, rand, BYTES(m->res), out->res_star);

	return o == FINE ? kdf_kausf(m->ck, m->ik, serving_network, autn, out->kausf) : o;
}

enum outcome usim_authenticate(struct usim *u, const uint8_t rand[16], const uint8_t autn[16],
	struct bytes serving_network, struct usim_answer *out)
{
	static const uint8_t none[SQN_LEN] = { 0 };
	uint8_t sqn[SQN_LEN];
	struct milenage m;

	/* The ME looks at the bit before the USIM sees the value. */
	if ((autn[AMF_OCTET] & AMF_SEPARATION_BIT) == 0)
		return MAC_INVALID;
	/* AK is of RAND alone; with it SQN is known, and with that MAC-A. */
	enum outcome o = milenage_with_k(u->k, u->opc, rand, none, autn + AMF_OCTET, &m);

	if (o == FINE) {
		xor_sqn(autn, m.ak, sqn);
		o = milenage_with_k(u->k, u->opc, rand, sqn, autn + AMF_OCTET, &m);
	}
	if (o == FINE && !equal_in_constant_time(m.mac_a, autn + MAC_OCTET, sizeof(m.mac_a)))
		o = MAC_INVALID;
	if (o == FINE) {
		out->sqn = read_sqn(sqn);
		if (take_sqn(u, out->sqn))
			o = derive(&m, rand, autn, serving_network, out);
		else if ((o = make_auts(u, rand, out->auts)) == FINE)
			o = CONFLICT;
	}
	wipe(&m, sizeof(m));
	return o;
}

enum outcome usim_check_av(struct usim *u, const struct home_av *av, struct bytes serving_network,
	struct usim_answer *out)
{
	enum outcome o = usim_authenticate(u, av->rand, av->autn, serving_network, out);

	if (o != FINE)
		return o;
	return equal_in_constant_time(out->res_star, av->xres_star, sizeof(av->xres_star)) &&
			       equal_in_constant_time(out->kausf, av->kausf, sizeof(av->kausf))
		       ? FINE
		       : MAC_INVALID;
}
