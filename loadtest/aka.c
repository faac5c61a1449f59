#include "loadtest/aka.h"

#include <stdio.h>

#include "base/clock.h"
#include "loadtest/json_scan.h"

/* An AUSF's NfInstanceId is a UUID (TS 29.571 clause 5.3.2). */
static const char instance[] = "6f2d1b7c-3a54-4c1e-9d0b-2f8a5e7c9b10";

/* A PLMN as part of a serving network's name has three digits of MNC (TS 24.501 clause 9.12.1). */
void serving_network_name(const char *plmn, char out[SERVING_NETWORK_MAX + 1])
{
	snprintf(out, SERVING_NETWORK_MAX + 1, "5G:mnc%s%.3s.mcc%.3s.3gppnetwork.org",
		strlen(plmn) == 5 ? "0" : "", plmn + 3, plmn);
}

bool aka_path(const char *supi, const char *what, char out[AKA_PATH_MAX])
{
	int len = snprintf(out, AKA_PATH_MAX, "/nudm-ueau/v1/%s/%s", supi, what);

	return len > 0 && len < AKA_PATH_MAX;
}

size_t aka_write_request(const char *serving_network, char *out)
{
	return (size_t)snprintf(out, AKA_BODY_MAX,
		"{\"servingNetworkName\":\"%s\",\"ausfInstanceId\":\"%s\"}", serving_network,
		instance);
}

size_t aka_write_resynchronization(const char *serving_network, const uint8_t rand[16],
	const uint8_t auts[AUTS_LEN], char *out)
{
	char rand_text[2 * 16 + 1], auts_text[2 * AUTS_LEN + 1];

	hex_write(bytes_of(rand, 16), rand_text);
	hex_write(bytes_of(auts, AUTS_LEN), auts_text);
	return (size_t)snprintf(out, AKA_BODY_MAX,
		"{\"servingNetworkName\":\"%s\",\"ausfInstanceId\":\"%s\","
		"\"resynchronizationInfo\":{\"rand\":\"%s\",\"auts\":\"%s\"}}",
		serving_network, instance, rand_text, auts_text);
}

size_t aka_write_event(const char *serving_network, bool success, char *out)
{
	char now[CLOCK_TEXT_LEN];

	clock_write(clock_unix(), now);
	return (size_t)snprintf(out, AKA_BODY_MAX,
		"{\"nfInstanceId\":\"%s\",\"success\":%s,\"timeStamp\":\"%s\","
		"\"authType\":\"5G_AKA\",\"servingNetworkName\":\"%s\"}",
		instance, success ? "true" : "false", now, serving_network);
}

static bool is_text(struct bytes value, const char *wanted)
{
	struct bytes text;

	return json_scan_text(value, &text) && bytes_equal(text, bytes_of_text(wanted));
}

static bool read_vector(struct bytes value, struct home_av *av)
{
	enum { HAS_TYPE = 1, HAS_RAND = 2, HAS_AUTN = 4, HAS_XRES = 8, HAS_KAUSF = 16, ALL = 31 };
	struct json_scan scan;
	struct json_member m;
	unsigned has = 0;

	if (!json_scan_object(value, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "avType") && is_text(m.value, "5G_HE_AKA"))
			has |= HAS_TYPE;
		else if (json_is(&m, "rand") && json_scan_hex(m.value, av->rand, 16))
			has |= HAS_RAND;
		else if (json_is(&m, "autn") && json_scan_hex(m.value, av->autn, 16))
			has |= HAS_AUTN;
		else if (json_is(&m, "xresStar") && json_scan_hex(m.value, av->xres_star, 16))
			has |= HAS_XRES;
		else if (json_is(&m, "kausf") && json_scan_hex(m.value, av->kausf, 32))
			has |= HAS_KAUSF;
	}
	return has == ALL && !scan.broken;
}

bool aka_read_answer(struct bytes in, struct home_av *av, struct bytes *supi)
{
	struct json_scan scan;
	struct json_member m;
	bool has_type = false, has_vector = false, has_supi = false;

	if (!json_scan_object(in, &scan))
		return false;
	while (json_scan_member(&scan, &m)) {
		if (json_is(&m, "authType"))
			has_type = is_text(m.value, "5G_AKA");
		else if (json_is(&m, "authenticationVector"))
			has_vector = read_vector(m.value, av);
		else if (json_is(&m, "supi"))
			has_supi = json_scan_text(m.value, supi);
	}
	return has_type && has_vector && has_supi && !scan.broken;
}
