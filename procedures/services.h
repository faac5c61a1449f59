/*
 * What a reactor offers the transactions that run on it. Owned by the reactor; the pointers stay the
 * same for its life, except trust and own_keys, which are swapped when the database says so: a
 * transaction uses the ones it took at its start.
 */
#ifndef PROCEDURES_SERVICES_H
#define PROCEDURES_SERVICES_H

#include "base/json_out.h"
#include "base/settings.h"
#include "db/db.h"
#include "db/imsi_leases.h"
#include "hsm/client.h"
#include "peers/http_client.h"
#include "pki/chain.h"
#include "procedures/own_keys.h"

struct engine;
struct outbox;
struct arpf_directory;
struct certificate_cache;
struct refusals;

struct services {
	struct engine *engine; /* of server/engine.h: opaque here */
	const struct settings *settings;
	struct issuer_cache *issuers; /* the process's, any thread */
	struct trust *trust;          /* NULL until first read */
	struct own_keys *own_keys;    /* NULL until first read */
	struct key_client *keys;
	struct db *db;
	struct imsi_leases *leases;
	struct http_client *peers;
	struct outbox *outbox;                  /* NULL where this server is the D-AUSF itself */
	struct arpf_directory *arpfs;           /* certificates of third-party ARPFs */
	struct certificate_cache *certificates; /* of headless devices, as fetched */
	struct refusals *refusals;              /* NULL: they are not recorded */
	/* the server's own account of itself, as the JSON object of GET /admin/v1/status */
	void (*describe)(struct services *s, struct json_out *out);
};

#endif
