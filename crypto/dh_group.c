#include "crypto/dh_group.h"

#include "base/secret.h"
#include "crypto/dh_ffdhe.h"
#include "crypto/p256.h"
#include "crypto/x25519.h"

static const struct {
	const char *name;
	size_t element, shared;
} groups[DH_GROUP_COUNT] = {
	[DH_FFDHE2048] = { "ffdhe2048", 256, 256 },
	[DH_FFDHE3072] = { "ffdhe3072", 384, 384 },
	[DH_P256] = { "p256", P256_POINT_LEN, P256_SCALAR_LEN },
	[DH_X25519] = { "x25519", X25519_LEN, X25519_LEN },
};

bool dh_group_read(const char *text, size_t len, enum dh_group *group)
{
	for (unsigned i = 0; i < DH_GROUP_COUNT; i++)
		if (bytes_equal(bytes_of_text(groups[i].name), bytes_of(text, len))) {
			*group = (enum dh_group)i;
			return true;
		}
	return false;
}

const char *dh_group_name(enum dh_group group)
{
	return group < DH_GROUP_COUNT ? groups[group].name : "unknown";
}

size_t dh_element_len(enum dh_group group)
{
	return group < DH_GROUP_COUNT ? groups[group].element : 0;
}

size_t dh_shared_len(enum dh_group group)
{
	return group < DH_GROUP_COUNT ? groups[group].shared : 0;
}

static enum outcome generate(enum dh_group group, uint8_t secret[DH_SECRET_MAX], uint8_t *element)
{
	switch (group) {
	case DH_FFDHE2048:
	case DH_FFDHE3072:
		return ffdhe_generate(group, secret, element);
	case DH_P256:
		return p256_generate(secret, element);
	case DH_X25519:
		return x25519_generate(secret, element);
	case DH_GROUP_COUNT:
		break;
	}
	return BROKEN;
}

enum outcome dh_generate(enum dh_group group, uint8_t secret[DH_SECRET_MAX], uint8_t *element)
{
	memset(secret, 0, DH_SECRET_MAX);
	enum outcome o = generate(group, secret, element);

	if (o != FINE)
		wipe(secret, DH_SECRET_MAX);
	return o;
}

enum outcome dh_check_element(enum dh_group group, struct bytes element)
{
	if (element.len != dh_element_len(group))
		return INVALID_PARAMETER;
	switch (group) {
	case DH_FFDHE2048:
	case DH_FFDHE3072:
		return ffdhe_check_element(group, element);
	case DH_P256:
		return p256_check_point(element);
	case DH_X25519:
		return FINE; /* of any 32 bytes; what is of small order shows in Z */
	case DH_GROUP_COUNT:
		break;
	}
	return INVALID_PARAMETER;
}

enum outcome dh_agree(
	enum dh_group group, const uint8_t secret[DH_SECRET_MAX], struct bytes peer, uint8_t *z)
{
	if (peer.len != dh_element_len(group))
		return INVALID_PARAMETER;
	switch (group) {
	case DH_FFDHE2048:
	case DH_FFDHE3072:
		return ffdhe_agree(group, secret, peer, z);
	case DH_P256:
		return p256_agree(secret, peer, z);
	case DH_X25519:
		return x25519_agree(secret, peer, z);
	case DH_GROUP_COUNT:
		break;
	}
	return INVALID_PARAMETER;
}
