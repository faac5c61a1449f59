/*
 * The download of a profile as its device sees it (docs/protocol.md section 10): the bound profile opened,
 * the notification made. The exchange before it is a handshake of HANDSHAKE_DOWNLOAD (device/handshake.h), by the
 * eUICC's key for its EID or by the SE's (SK.SE.ECDSA) for the SUPI it attached with. Pure.
 */
#ifndef DEVICE_PROFILE_DOWNLOAD_H
#define DEVICE_PROFILE_DOWNLOAD_H

#include "device/handshake.h"

#define BOUND_PROFILE_MAX 2048

/*
 * 10.2, after handshake_answer(): the profile's JSON in out, which holds ciphertext.len bytes. MAC_INVALID where it
 * is not bound to this device and download; PAYLOAD_TOO_LARGE.
 */
enum outcome download_open_profile(const struct handshake *h, const uint8_t iv[12],
	struct bytes ciphertext, uint8_t *out, size_t *len);
/* 10.3. result: "INSTALLED" or "FAILED". */
enum outcome download_notification_mac(
	const struct handshake *h, const char *result, uint8_t mac[32]);

#endif
