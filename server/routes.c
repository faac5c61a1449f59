#include "server/routes.h"

#include <stdio.h>
#include <string.h>

#include "procedures/aaa.h"
#include "procedures/administration.h"
#include "procedures/arpf.h"
#include "procedures/auth_data.h"
#include "procedures/auth_event.h"
#include "procedures/binding.h"
#include "procedures/companion_dh.h"
#include "procedures/companion_session.h"
#include "procedures/d_ausf.h"
#include "procedures/device_attach.h"
#include "procedures/headless_device.h"
#include "procedures/initial_attach.h"
#include "procedures/profile_download.h"

#define SINGLE     (64u * 1024u)
#define BATCH      (8u * 1024u * 1024u)
#define ADMIN      (4u * 1024u * 1024u)
#define READ_ADMIN (ROLE_ADMIN | ROLE_AUDITOR)

static const struct route routes[] = {
	/* 4.1, 4.3: the ARPF */
	{ "GET", "/narpf-ek/v1/certificate", ROLE_SERVICE_PROVIDER | ROLE_AUSF, false, 0,
		&arpf_certificate },
	{ "POST", "/narpf-ek/v1/ek-requests", ROLE_AUSF, true, SINGLE, &arpf_ek_request },
	/* 4.4: the Target AUSF */
	{ "POST", "/nausf-initial-attach/v1/contexts", ROLE_SERVICE_PROVIDER, true, SINGLE,
		&initial_attach },
	{ "POST", "/nausf-initial-attach/v1/contexts/batch", ROLE_SERVICE_PROVIDER, true, BATCH,
		&initial_attach_batch },
	{ "GET", "/nausf-initial-attach/v1/contexts/{dimsi}", ROLE_SERVICE_PROVIDER, false, 0,
		&initial_attach_show },
	{ "DELETE", "/nausf-initial-attach/v1/contexts/{dimsi}", ROLE_SERVICE_PROVIDER, false, 0,
		&initial_attach_release },
	/* 4.5: the D-AUSF */
	{ "POST", "/ndausf-auth/v1/{dimsi}/security-information/generate-auth-data",
		ROLE_ACCESS_NETWORK, true, SINGLE, &d_ausf_send_vectors },
	{ "PUT", "/ndausf-auth/v1/{dimsi}", ROLE_AUSF, true, SINGLE, &d_ausf_keep_pair },
	{ "DELETE", "/ndausf-auth/v1/{dimsi}", ROLE_AUSF, false, 0, &d_ausf_drop_pair },
	/* 5: authentication data */
	{ "POST", "/nudm-ueau/v1/{supi}/security-information/generate-auth-data", ROLE_AUSF, true,
		SINGLE, &auth_data },
	{ "POST", "/nudm-ueau/v1/{supi}/auth-events", ROLE_AUSF, true, SINGLE, &auth_event },
	/* 6: companion sessions */
	{ "POST", "/naanf-akma/v1/register-anchorkey", ROLE_AUSF, true, SINGLE,
		&akma_register_anchor_key },
	{ "POST", "/naanf-akma/v1/remove-context", ROLE_AUSF, true, SINGLE, &akma_remove_context },
	/* 7: companion DH */
	{ "GET", "/narpf-companion/v1/ibs-parameters", ROLE_COMPANION_GATEWAY, false, 0,
		&companion_ibs_parameters },
	{ "POST", "/narpf-companion/v1/credential-requests", ROLE_COMPANION_GATEWAY, true, SINGLE,
		&companion_credential_request },
	{ "POST", "/narpf-companion/v1/credential-requests/{accessId}/confirmation",
		ROLE_COMPANION_GATEWAY, true, SINGLE, &companion_confirmation },
	/* 8: headless devices */
	{ "POST", "/nsm-device/v1/device-additions", ROLE_COMPANION_GATEWAY, true, SINGLE,
		&headless_device_addition },
	/* 9: attach with device credentials */
	{ "POST", "/ncp-attach/v1/attach-requests", ROLE_DEVICE_GATEWAY, true, SINGLE,
		&device_attach_request },
	{ "POST", "/ncp-attach/v1/attach-requests/{attachId}/authentication", ROLE_DEVICE_GATEWAY,
		true, SINGLE, &device_attach_authentication },
	{ "POST", "/ncp-attach/v1/aaa-authorizations", ROLE_DEVICE_GATEWAY, true, SINGLE,
		&aaa_authorization },
	{ "GET", "/ncp-attach/v1/pdu-sessions/{id}", ROLE_ACCESS_NETWORK | ROLE_DEVICE_GATEWAY,
		false, 0, &pdu_session_show },
	{ "DELETE", "/ncp-attach/v1/pdu-sessions/{id}", ROLE_ACCESS_NETWORK | ROLE_DEVICE_GATEWAY,
		false, 0, &pdu_session_release },
	/* 10: profile download */
	{ "POST", "/nsmdp-profile/v1/downloads", ROLE_DEVICE_GATEWAY, true, SINGLE,
		&profile_download_offer },
	{ "POST", "/nsmdp-profile/v1/downloads/{downloadId}/bound-profile", ROLE_DEVICE_GATEWAY,
		true, SINGLE, &profile_download_bind },
	{ "POST", "/nsmdp-profile/v1/downloads/{downloadId}/notification", ROLE_DEVICE_GATEWAY,
		true, SINGLE, &profile_download_notification },
	/* 11: the life of credentials */
	{ "GET", "/admin/v1/subscriptions", READ_ADMIN, false, 0, &admin_list_subscriptions },
	{ "GET", "/admin/v1/subscriptions/{supi}", READ_ADMIN, false, 0, &admin_show_subscription },
	{ "DELETE", "/admin/v1/subscriptions/{supi}", ROLE_ADMIN, false, 0,
		&admin_delete_subscription },
	{ "POST", "/admin/v1/subscriptions/{supi}/{operation}", ROLE_ADMIN, true, SINGLE,
		&admin_change_subscription },
	{ "GET", "/admin/v1/credentials/overdue", READ_ADMIN, false, 0, &admin_list_overdue },
	{ "GET", "/admin/v1/jobs", READ_ADMIN, false, 0, &admin_list_jobs },
	{ "GET", "/admin/v1/jobs/{id}", READ_ADMIN, false, 0, &admin_show_job },
	{ "PUT", "/admin/v1/jobs/{id}", ROLE_ADMIN, true, SINGLE, &admin_put_job },
	{ "POST", "/admin/v1/jobs/{id}/items", ROLE_ADMIN, true, ADMIN, &admin_add_job_items },
	{ "POST", "/admin/v1/jobs/{id}/start", ROLE_ADMIN, false, 0, &admin_start_job },
	{ "POST", "/admin/v1/jobs/{id}/cancel", ROLE_ADMIN, false, 0, &admin_cancel_job },
	{ "GET", "/admin/v1/jobs/{id}/refusals", READ_ADMIN, false, 0, &admin_list_job_refusals },
	{ "GET", "/admin/v1/crls", READ_ADMIN, false, 0, &admin_list_crls },
	{ "POST", "/admin/v1/crls", ROLE_ADMIN, true, BATCH, &admin_add_crl },
	{ "DELETE", "/admin/v1/crls/{number}", ROLE_ADMIN, false, 0, &admin_remove_crl },
	{ "GET", "/admin/v1/audit/events", READ_ADMIN, false, 0, &admin_list_audit_events },
	{ "GET", "/admin/v1/audit/trees", READ_ADMIN, false, 0, &admin_list_audit_trees },
	/* administration */
	{ "GET", "/admin/v1/status", READ_ADMIN, false, 0, &admin_status },
	{ "GET", "/admin/v1/trust-anchors", READ_ADMIN, false, 0, &admin_list_trust_anchors },
	{ "POST", "/admin/v1/trust-anchors", ROLE_ADMIN, true, SINGLE, &admin_add_trust_anchor },
	{ "DELETE", "/admin/v1/trust-anchors/{fingerprint}", ROLE_ADMIN, false, 0,
		&admin_remove_trust_anchor },
	{ "GET", "/admin/v1/revocations", READ_ADMIN, false, 0, &admin_list_revocations },
	{ "POST", "/admin/v1/revocations", ROLE_ADMIN, true, ADMIN, &admin_add_revocations },
	{ "GET", "/admin/v1/imsi-pools", READ_ADMIN, false, 0, &admin_list_imsi_pools },
	{ "POST", "/admin/v1/imsi-pools", ROLE_ADMIN, true, SINGLE, &admin_add_imsi_pool },
	{ "GET", "/admin/v1/bindings", READ_ADMIN, false, 0, &admin_list_bindings },
	{ "GET", "/admin/v1/bindings/{id}", READ_ADMIN, false, 0, &admin_show_binding },
	{ "GET", "/admin/v1/keys", READ_ADMIN, false, 0, &admin_list_keys },
	{ "PUT", "/admin/v1/keys", ROLE_ADMIN, true, ADMIN, &admin_put_keys },
	/* last, having no procedure */
	{ "GET", "/metrics", ROLE_METRICS | READ_ADMIN, false, 0, NULL },
};

#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

const struct route *routes_at(unsigned i)
{
	return i < ROUTE_COUNT ? &routes[i] : NULL;
}

/* Whether path fits pattern; where `cut`, segments that stand for {…} are made strings of their own. */
static bool fits(const char *pattern, char *path, bool cut, const char **parameters)
{
	unsigned found = 0;

	while (*pattern != '\0') {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		size_t len = strcspn(path, "/");

		if (len == 0 || found == TXN_PARAMETERS)
			return false;
		pattern += strcspn(pattern, "}") + 1;
		parameters[found++] = path;
		path += len;
		if (*pattern != *path)
			return false;
		if (cut && *path != '\0') {
			*path++ = '\0';
			pattern++;
		}
	}
	return *path == '\0';
}

/* A path that is spelled out hides those that have a parameter in its place. */
static bool is_spelled_out(const char *path)
{
	for (size_t i = 0; i < ROUTE_COUNT; i++)
		if (strcmp(routes[i].path, path) == 0)
			return true;
	return false;
}

void routes_find(const char *method, char *path, struct route_match *match)
{
	bool spelled_out = is_spelled_out(path);
	size_t len = 0;

	*match = (struct route_match){ 0 };
	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		if (spelled_out ? strcmp(routes[i].path, path) != 0
				: !fits(routes[i].path, path, false, match->parameters))
			continue;
		match->path_known = true;
		if (strcmp(routes[i].method, method) == 0) {
			match->route = &routes[i];
			(void)fits(routes[i].path, path, true, match->parameters);
			return;
		}
		int n = snprintf(match->allow + len, sizeof(match->allow) - len, "%s%s",
			len > 0 ? ", " : "", routes[i].method);

		len += n > 0 && (size_t)n < sizeof(match->allow) - len ? (size_t)n : 0;
	}
}

const struct procedure *routes_procedure(unsigned i)
{
	return i < ROUTE_COUNT ? routes[i].procedure : NULL;
}
