/*
 * Bodies, paths and queries of requests as the first steps of the procedures read them: the first byte
 * chooses the procedure, what stands between it and the first newline is the path's parameter and the
 * query. The body is what follows: the newline where the path has a parameter, else the first byte.
 */
#include <stdlib.h>

#include "procedures/aaa.h"
#include "procedures/administration.h"
#include "procedures/arpf.h"
#include "procedures/arpf_directory.h"
#include "procedures/auth_data.h"
#include "procedures/auth_event.h"
#include "procedures/body.h"
#include "procedures/companion_dh.h"
#include "procedures/companion_session.h"
#include "procedures/d_ausf.h"
#include "procedures/device_attach.h"
#include "procedures/headless_device.h"
#include "procedures/initial_attach.h"
#include "procedures/profile_download.h"
#include "server/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct settings settings;
static struct services services = { .settings = &settings };

/* In this order they are chosen by the digits and what follows them in ASCII. */
static const struct {
	const struct procedure *procedure;
	bool has_parameter;
} procedures[] = {
	{ &initial_attach, false },
	{ &initial_attach_batch, false },
	{ &arpf_ek_request, false },
	{ &d_ausf_send_vectors, true },
	{ &d_ausf_keep_pair, true },
	{ &auth_data, true },
	{ &auth_event, true },
	{ &akma_register_anchor_key, false },
	{ &akma_remove_context, false },
	{ &companion_credential_request, false },
	{ &companion_confirmation, true },
	{ &headless_device_addition, false },
	{ &device_attach_request, false },
	{ &device_attach_authentication, true },
	{ &profile_download_offer, false },
	{ &profile_download_bind, true },
	{ &profile_download_notification, true },
	{ &aaa_authorization, false },
	{ &admin_list_bindings, true },
	{ &admin_list_subscriptions, true },
	{ &admin_list_overdue, true },
	{ &admin_list_jobs, true },
	{ &admin_list_revocations, true },
	{ &admin_list_crls, true },
	{ &admin_list_trust_anchors, true },
	{ &admin_list_imsi_pools, true },
	{ &admin_list_audit_events, true },
};

static void start(void)
{
	char error[256];

	if (services.trust != NULL)
		return;
	services.trust = trust_new();
	services.own_keys = own_keys_new();
	services.issuers = issuer_cache_new(16);
	if (services.trust == NULL || services.own_keys == NULL || services.issuers == NULL ||
		!settings_read(NULL, &settings, error, sizeof(error)))
		abort();
}

/* The steps at the head of the table that look at the request alone. */
static void do_first_steps(struct txn *t)
{
	const struct step *step = t->procedure->steps;

	for (; step->name != NULL && (step->lane == LANE_CPU || step->lane == LANE_LOOP); step++)
		if (step->when == NULL || step->when(t))
			if (step->run(t) != FINE)
				return;
}

/* "name=value&…", as the HTTP library takes it apart and unescapes it. */
static void add_query(struct txn *t, const char *text, size_t len)
{
	char *rest = arena_copy(t->arena, text, len), *part;

	while (rest != NULL && (part = strsep(&rest, "&")) != NULL) {
		char *name = strsep(&part, "=");

		(void)txn_add_query(t, name, part != NULL ? part : "");
	}
}

static void match_route(struct arena *arena, const uint8_t *text, size_t len)
{
	struct route_match match;
	char *path = arena_copy(arena, text, len);

	if (path != NULL)
		routes_find("GET", path, &match);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start();
	struct arena *arena = size > 0 ? arena_new(1u << 20) : NULL;
	struct txn *t = arena != NULL ? arena_alloc(arena, sizeof(*t)) : NULL;

	if (t == NULL) {
		arena_free(arena);
		return 0;
	}
	const uint8_t *newline = memchr(data, '\n', size);
	size_t line = newline != NULL ? (size_t)(newline - data) : size;
	size_t chosen = (uint8_t)(data[0] - '0') % (sizeof(procedures) / sizeof(procedures[0]));
	size_t body = !procedures[chosen].has_parameter ? 1 : line < size ? line + 1 : size;

	t->procedure = procedures[chosen].procedure;
	t->services = &services;
	t->arena = arena;
	t->state = arena_alloc(arena, t->procedure->state_size);
	t->trust = services.trust;
	t->own_keys = services.own_keys;
	t->parameters[0] = arena_copy(arena, data + 1, line > 0 ? line - 1 : 0);
	add_query(t, (const char *)data + 1, line > 0 ? line - 1 : 0);
	t->body = bytes_of(data + body, size - body);
	do_first_steps(t);
	match_route(arena, data, line);
	(void)arpf_uri_is_allowed("https://a https://b:* http://127.0.0.1:*", t->parameters[0]);
	arena_free(arena);
	return 0;
}
