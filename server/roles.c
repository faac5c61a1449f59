#include "server/roles.h"

static const struct {
	const char *name;
	unsigned role;
} names[] = {
	{ "service-provider", ROLE_SERVICE_PROVIDER },
	{ "ausf", ROLE_AUSF },
	{ "access-network", ROLE_ACCESS_NETWORK },
	{ "companion-gateway", ROLE_COMPANION_GATEWAY },
	{ "device-gateway", ROLE_DEVICE_GATEWAY },
	{ "admin", ROLE_ADMIN },
	{ "auditor", ROLE_AUDITOR },
	{ "metrics", ROLE_METRICS },
};

#define ROLE_COUNT (sizeof(names) / sizeof(names[0]))

unsigned role_named(struct bytes name)
{
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (bytes_equal(name, bytes_of_text(names[i].name)))
			return names[i].role;
	return 0;
}

const char *role_name(unsigned role)
{
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (names[i].role == role)
			return names[i].name;
	return NULL;
}
