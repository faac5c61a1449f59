/*
 * KPAK, SSK, a signature, and then an identity and a message of which a byte tells the lengths: what
 * eccsi_verify accepts has numbers that are not 0 and points on the curve, and is refused for another
 * message. A pair that eccsi_check_pair accepts signs.
 */
#include <stdlib.h>

#include "crypto/eccsi.h"
#include "crypto/p256.h"

#define PVT_AT (2 * ECCSI_SCALAR_LEN)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct input {
	struct bytes kpak, ssk, signature, id, message;
};

static bool cut(struct bytes all, struct input *in)
{
	struct bytes id_len;

	if (!bytes_take(&all, ECCSI_POINT_LEN, &in->kpak) ||
		!bytes_take(&all, ECCSI_SCALAR_LEN, &in->ssk) ||
		!bytes_take(&all, ECCSI_SIGNATURE_LEN, &in->signature) ||
		!bytes_take(&all, 1, &id_len) || !bytes_take(&all, id_len.at[0], &in->id))
		return false;
	in->message = all;
	return true;
}

static bool is_zero(const uint8_t *number)
{
	static const uint8_t zero[ECCSI_SCALAR_LEN];

	return memcmp(number, zero, sizeof(zero)) == 0;
}

static void check_accepted(const struct input *in)
{
	const uint8_t *signature = in->signature.at;

	must(!is_zero(signature) && !is_zero(signature + ECCSI_SCALAR_LEN));
	must(p256_check_point(in->kpak) == FINE);
	must(p256_check_point(bytes_of(signature + PVT_AT, ECCSI_POINT_LEN)) == FINE);
	must(eccsi_verify(in->kpak.at, in->id, in->ssk, signature) == SIGNATURE_INVALID ||
		bytes_equal(in->message, in->ssk));
}

static void check_pair(const struct input *in, const uint8_t *pvt)
{
	uint8_t hs[32], made[ECCSI_SIGNATURE_LEN];

	must(eccsi_hs(in->kpak.at, in->id, pvt, hs) == FINE);
	must(eccsi_sign(in->ssk.at, pvt, hs, in->message, made) == FINE);
	must(eccsi_verify(in->kpak.at, in->id, in->message, made) == FINE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;

	if (!cut(bytes_of(data, size), &in))
		return 0;
	const uint8_t *pvt = in.signature.at + PVT_AT;
	bool has_kpak = p256_check_point(in.kpak) == FINE;
	enum outcome o = eccsi_verify(in.kpak.at, in.id, in.message, in.signature.at);

	must(o == FINE || o == (has_kpak ? SIGNATURE_INVALID : INVALID_PARAMETER));
	if (o == FINE)
		check_accepted(&in);
	o = eccsi_check_pair(in.kpak.at, in.id, in.ssk.at, pvt);
	must(o == FINE || o == SIGNATURE_INVALID || o == INVALID_PARAMETER);
	if (o == FINE)
		check_pair(&in, pvt);
	return 0;
}
