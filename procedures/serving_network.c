#include "procedures/serving_network.h"

#include <ctype.h>

#include "procedures/body.h"

#define NID_DIGITS 11

static bool is_serving_network(const char *name)
{
	static const char pattern[] = "5G:mnc999.mcc999.3gppnetwork.org";
	size_t len = sizeof(pattern) - 1;

	for (size_t i = 0; i < len; i++)
		if (pattern[i] == '9' ? !isdigit((unsigned char)name[i]) : name[i] != pattern[i])
			return false;
	if (name[len] == '\0')
		return true;
	return name[len] == ':' && strlen(name + len + 1) == NID_DIGITS &&
	       strspn(name + len + 1, "0123456789ABCDEFabcdef") == NID_DIGITS;
}

enum outcome serving_network_read(struct txn *t, const char **name)
{
	enum outcome o = body_text(t, t->json, "servingNetworkName", KEY_TEXT_MAX, name);

	if (o == FINE && !is_serving_network(*name))
		o = txn_refuse_parameter(t, INVALID_PARAMETER, "servingNetworkName",
			"This is not 5G:mncNNN.mccNNN.3gppnetwork.org.");
	return o;
}
