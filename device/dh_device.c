#include "device/dh_device.h"

#include "base/secret.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"

#define TRANSCRIPT_MAX (2 * DH_ELEMENT_MAX + DEVICE_ID_MAX + 128)

enum outcome dh_device_start(struct dh_device *d, const char *device_id, enum dh_group group)
{
	*d = (struct dh_device){ .group = group };
	if (!device_id_is_valid(bytes_of_text(device_id)))
		return INVALID_PARAMETER;
	memcpy(d->device_id, device_id, strlen(device_id) + 1);
	return dh_generate(group, d->secret, d->a);
}

enum outcome dh_device_verify_answer(
	const struct dh_device *d, struct signature_checker *c, const struct dh_answer *answer)
{
	uint8_t room[TRANSCRIPT_MAX];
	struct transcript t = transcript_start(room, sizeof(room), "arpf sigcn v1");
	struct bytes message, a = bytes_of(answer->a, answer->a_len);

	if (!bytes_equal(a, dh_device_a(d)))
		return SIGNATURE_INVALID;
	transcript_add(&t, BYTES(answer->access_id));
	transcript_add_text(&t, dh_group_name(d->group));
	transcript_add(&t, bytes_of(answer->b, answer->b_len));
	transcript_add(&t, a);
	transcript_add_text(&t, d->device_id);
	return transcript_end(&t, &message) ? batch_signature_check(c, &answer->sig_cn, message)
					    : BROKEN;
}

/* KD = HKDF(SHA-256(T("arpf kd v1"; accessId, deviceId, group, a, b)), Z, "arpf kd v1", 32) */
static enum outcome derive_kd(
	const struct dh_device *d, struct bytes b, struct bytes z, uint8_t kd[32])
{
	uint8_t room[TRANSCRIPT_MAX], salt[SHA256_LEN];
	struct transcript t = transcript_start(room, sizeof(room), "arpf kd v1");
	struct bytes message;

	transcript_add(&t, BYTES(d->access_id));
	transcript_add_text(&t, d->device_id);
	transcript_add_text(&t, dh_group_name(d->group));
	transcript_add(&t, dh_device_a(d));
	transcript_add(&t, b);
	if (!transcript_end(&t, &message))
		return BROKEN;
	enum outcome o = sha256(&message, 1, salt);

	return o == FINE ? hkdf_sha256(BYTES(salt), z, bytes_of_text("arpf kd v1"), kd, 32) : o;
}

/* KDm, KDa, KDo = Expand(KD, T("arpf kd keys v1"; accessId), 64) */
static enum outcome expand_kd(struct dh_device *d, const uint8_t kd[32])
{
	uint8_t room[64], keys[64];
	struct transcript t = transcript_start(room, sizeof(room), "arpf kd keys v1");
	struct bytes info;

	transcript_add(&t, BYTES(d->access_id));
	if (!transcript_end(&t, &info))
		return BROKEN;
	enum outcome o = hkdf_expand_sha256(bytes_of(kd, 32), info, keys, sizeof(keys));

	memcpy(d->kdm, keys, sizeof(d->kdm));
	memcpy(d->kda, keys + 32, sizeof(d->kda));
	memcpy(d->kdo, keys + 48, sizeof(d->kdo));
	wipe(keys, sizeof(keys));
	return o;
}

enum outcome dh_device_agree(struct dh_device *d, const struct dh_answer *answer)
{
	uint8_t z[DH_SHARED_MAX], kd[32];
	struct bytes b = bytes_of(answer->b, answer->b_len);

	memcpy(d->access_id, answer->access_id, sizeof(d->access_id));
	enum outcome o = dh_agree(d->group, d->secret, b, z);

	if (o == FINE)
		o = derive_kd(d, b, bytes_of(z, dh_shared_len(d->group)), kd);
	if (o == FINE)
		o = expand_kd(d, kd);
	wipe(z, sizeof(z));
	wipe(kd, sizeof(kd));
	return o;
}

/* HMAC-SHA-256(KDm, T(label; accessId, deviceId[, supi])) */
static enum outcome mac_by_kdm(
	const struct dh_device *d, const char *label, const char *supi, uint8_t mac[32])
{
	uint8_t room[256];
	struct transcript t = transcript_start(room, sizeof(room), label);
	struct bytes message;

	transcript_add(&t, BYTES(d->access_id));
	transcript_add_text(&t, d->device_id);
	if (supi != NULL)
		transcript_add_text(&t, supi);
	if (!transcript_end(&t, &message))
		return INVALID_PARAMETER;
	return hmac_sha256(BYTES(d->kdm), &message, 1, mac);
}

enum outcome dh_device_mac2(const struct dh_device *d, uint8_t mac2[32])
{
	return mac_by_kdm(d, "arpf mac2 v1", NULL, mac2);
}

enum outcome dh_device_check_mac3(
	const struct dh_device *d, const char *supi, const uint8_t mac3[32])
{
	uint8_t expected[32];
	enum outcome o = mac_by_kdm(d, "arpf mac3 v1", supi, expected);

	if (o != FINE)
		return o;
	return equal_in_constant_time(expected, mac3, sizeof(expected)) ? FINE : MAC_INVALID;
}

void dh_device_usim(const struct dh_device *d, struct usim *usim)
{
	usim_make(usim, d->kda, d->kdo);
}
