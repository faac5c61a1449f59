/*
 * The IoT device of Solution #12.x: its steps 1, 7, 8, 9 and 12 (docs/protocol.md section 7). Written from
 * that page alone, so that it and the server check each other.
 *
 * A simulation: keys in ordinary memory; whoever holds a struct wipes it. One thread a struct.
 */
#ifndef DEVICE_DH_DEVICE_H
#define DEVICE_DH_DEVICE_H

#include "crypto/dh_group.h"
#include "device/batch_signature_check.h"
#include "device/usim.h"
#include "pki/certificate.h"

#define ACCESS_ID_LEN 16

struct dh_device {
	char device_id[DEVICE_ID_MAX + 1];
	enum dh_group group;
	uint8_t secret[DH_SECRET_MAX]; /* RAND1 */
	uint8_t a[DH_ELEMENT_MAX];
	uint8_t access_id[ACCESS_ID_LEN];
	uint8_t kdm[32], kda[16], kdo[16];
};

/* Step 1. INVALID_PARAMETER: no Device ID. */
enum outcome dh_device_start(struct dh_device *d, const char *device_id, enum dh_group group);

/* What the companion UE forwards in step 6. */
struct dh_answer {
	uint8_t access_id[ACCESS_ID_LEN];
	uint8_t b[DH_ELEMENT_MAX], a[DH_ELEMENT_MAX];
	size_t b_len, a_len;
	struct batch_signature sig_cn;
};

static inline struct bytes dh_device_a(const struct dh_device *d)
{
	return bytes_of(d->a, dh_element_len(d->group));
}

/*
 * Step 7: SIGNATURE_INVALID where sigCn is not the checker's signer's over this answer, or A is another than
 * was sent.
 */
enum outcome dh_device_verify_answer(
	const struct dh_device *d, struct signature_checker *c, const struct dh_answer *answer);
/* Step 8: KD and KDm, KDa, KDo. INVALID_PARAMETER: B is no element to agree with. */
enum outcome dh_device_agree(struct dh_device *d, const struct dh_answer *answer);
/* Step 9. */
enum outcome dh_device_mac2(const struct dh_device *d, uint8_t mac2[32]);
/* Step 12: MAC_INVALID. supi as it came, "imsi-…". */
enum outcome dh_device_check_mac3(
	const struct dh_device *d, const char *supi, const uint8_t mac3[32]);
/* What the device authenticates with from then on. */
void dh_device_usim(const struct dh_device *d, struct usim *usim);

#endif
