#include "loadtest/companions.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/progress.h"
#include "base/secret.h"
#include "loadtest/subscribers.h"

struct af_id companions_af_id(const char *fqdn)
{
	struct af_id af = { .fqdn = fqdn, .ua_protocol = UA_PROTOCOL_DEFAULT };

	if (af.fqdn == NULL)
		af.fqdn = getenv("ARPF_AF_FQDN");
	if (af.fqdn == NULL)
		af.fqdn = "arpf.5gc.mnc001.mcc001.3gppnetwork.org";
	return af;
}

bool companion_register(struct server *s, const struct companion_ue *c)
{
	char body[A_KID_MAX + 160], digits[IMSI_DIGITS + 1], key[2 * sizeof(c->k_akma) + 1];
	struct http_request r;

	imsi_write(c->imsi, digits);
	hex_write(BYTES(c->k_akma), key);
	int len = snprintf(body, sizeof(body),
		"{\"supi\":\"imsi-%s\",\"aKId\":\"%s\",\"kAkma\":\"%s\"}", digits, c->a_kid, key);
	bool fine = exchange_expects(
		s, "POST", "/naanf-akma/v1/register-anchorkey", bytes_of(body, (size_t)len), &r);

	http_request_clear(&r);
	wipe(body, sizeof(body));
	wipe(key, sizeof(key));
	return fine;
}

static enum outcome open_one(
	const struct fleet_header *h, uint64_t i, const struct af_id *af, struct companion_ue *c)
{
	struct subscriber s;
	struct plmn plmn;
	uint8_t kausf[32];

	if (!plmn_read(h->plmn, strlen(h->plmn), &plmn))
		return INVALID_PARAMETER;
	enum outcome o = subscriber_at(h, i, &s);

	if (o == FINE)
		o = subscriber_kausf(h, i, kausf);
	if (o == FINE) {
		companion_make(c, plmn, s.imsi, s.k, s.opc);
		o = companion_open_session(c, kausf, af);
	}
	wipe(&s, sizeof(s));
	wipe(kausf, sizeof(kausf));
	return o;
}

struct companion_ue *companions_open(
	struct server *s, const struct fleet_header *h, const struct af_id *af)
{
	struct companion_ue *all = calloc(h->companion_count, sizeof(*all));
	struct progress progress = progress_start("companions", 0, h->companion_count);
	enum outcome o = all != NULL ? FINE : NO_MEMORY;
	bool fine = o == FINE;
	uint64_t i = 0;

	for (; i < h->companion_count && fine; i++) {
		o = open_one(h, i, af, &all[i]);
		fine = o == FINE && companion_register(s, &all[i]);
		progress_show(&progress, i);
	}
	progress_end(&progress, i);
	if (fine)
		return all;
	if (o != FINE)
		fprintf(stderr, "arpfload: a companion UE's session: %s\n", outcome_name(o));
	if (all != NULL)
		wipe(all, h->companion_count * sizeof(*all));
	free(all);
	return NULL;
}
