/*
 * The companion UEs of a fleet with their sessions at the server (docs/protocol.md section 6): what an AUSF
 * does when a companion has authenticated. One thread.
 */
#ifndef LOADTEST_COMPANIONS_H
#define LOADTEST_COMPANIONS_H

#include "device/companion_ue.h"
#include "loadtest/exchange.h"
#include "loadtest/fleet.h"

/* fqdn: NULL is $ARPF_AF_FQDN, and where that is not set arpfd's own default. */
struct af_id companions_af_id(const char *fqdn);

/* POST /naanf-akma/v1/register-anchorkey. false, and said on stderr, where it is refused. */
bool companion_register(struct server *s, const struct companion_ue *c);
/* All of a fleet's, each registered; the caller wipes and frees. NULL, and said on stderr. */
struct companion_ue *companions_open(
	struct server *s, const struct fleet_header *h, const struct af_id *af);

#endif
