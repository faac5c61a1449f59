/* The table of routes: every one is found by a path of its own, with its parameters, and none by another's. */
#include <stdio.h>
#include <stdlib.h>

#include "server/routes.h"
#include "tests/unit/suite.h"

#define VALUE "001990000000001"

/* A path that fits the pattern: VALUE in the place of {…}. */
static void fill_in(const char *pattern, char *path, size_t size)
{
	size_t len = 0;

	while (*pattern != '\0' && len + sizeof(VALUE) < size) {
		if (*pattern != '{') {
			path[len++] = *pattern++;
			continue;
		}
		memcpy(path + len, VALUE, sizeof(VALUE) - 1);
		len += sizeof(VALUE) - 1;
		pattern += strcspn(pattern, "}") + 1;
	}
	path[len] = '\0';
}

START_TEST(test_every_route_is_found)
{
	const struct route *route;

	for (unsigned i = 0; (route = routes_at(i)) != NULL; i++) {
		struct route_match match;
		char path[256];

		fill_in(route->path, path, sizeof(path));
		routes_find(route->method, path, &match);
		ck_assert_ptr_eq(match.route, route);
		if (strchr(route->path, '{') != NULL)
			ck_assert_str_eq(match.parameters[0], VALUE);
	}
}
END_TEST

START_TEST(test_other_methods_name_those_that_are)
{
	const struct route *route;

	for (unsigned i = 0; (route = routes_at(i)) != NULL; i++) {
		struct route_match match;
		char path[256];

		fill_in(route->path, path, sizeof(path));
		routes_find("PATCH", path, &match);
		ck_assert(match.path_known);
		ck_assert_ptr_null(match.route);
		ck_assert_ptr_nonnull(strstr(match.allow, route->method));
	}
}
END_TEST

START_TEST(test_no_other_path)
{
	static const char *const paths[] = {
		"",
		"/",
		"*",
		"/narpf-ek/v1",
		"/narpf-ek/v1/certificate/",
		"/narpf-ek/v1/certificates",
		"//narpf-ek/v1/certificate",
		"/nausf-initial-attach/v1/contexts/",
		"/nausf-initial-attach/v1/contexts/a/b",
		"/nausf-initial-attach/v1/contexts/{dimsi}/x",
		"/ndausf-auth/v1/",
		"/ndausf-auth/v1//security-information/generate-auth-data",
		"/ndausf-auth/v1/a/security-information/generate-auth-data/b",
		"/ndausf-auth/v1/a/security-information",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct route_match match;
		char path[256];

		snprintf(path, sizeof(path), "%s", paths[i]);
		routes_find("GET", path, &match);
		ck_assert_msg(!match.path_known, "%s", paths[i]);
	}
}
END_TEST

/* docs/protocol.md section 12. */
START_TEST(test_roles)
{
	static const struct {
		const char *method, *path;
		unsigned roles;
	} rows[] = {
		{ "GET", "/narpf-ek/v1/certificate", ROLE_SERVICE_PROVIDER | ROLE_AUSF },
		{ "POST", "/narpf-ek/v1/ek-requests", ROLE_AUSF },
		{ "POST", "/nausf-initial-attach/v1/contexts", ROLE_SERVICE_PROVIDER },
		{ "POST", "/nausf-initial-attach/v1/contexts/batch", ROLE_SERVICE_PROVIDER },
		{ "GET", "/nausf-initial-attach/v1/contexts/" VALUE, ROLE_SERVICE_PROVIDER },
		{ "DELETE", "/nausf-initial-attach/v1/contexts/" VALUE, ROLE_SERVICE_PROVIDER },
		{ "POST", "/ndausf-auth/v1/" VALUE "/security-information/generate-auth-data",
			ROLE_ACCESS_NETWORK },
		{ "PUT", "/ndausf-auth/v1/" VALUE, ROLE_AUSF },
		{ "DELETE", "/ndausf-auth/v1/" VALUE, ROLE_AUSF },
		{ "POST", "/nudm-ueau/v1/" VALUE "/security-information/generate-auth-data",
			ROLE_AUSF },
		{ "POST", "/nudm-ueau/v1/" VALUE "/auth-events", ROLE_AUSF },
		{ "POST", "/naanf-akma/v1/register-anchorkey", ROLE_AUSF },
		{ "POST", "/naanf-akma/v1/remove-context", ROLE_AUSF },
		{ "GET", "/narpf-companion/v1/ibs-parameters", ROLE_COMPANION_GATEWAY },
		{ "POST", "/narpf-companion/v1/credential-requests", ROLE_COMPANION_GATEWAY },
		{ "POST", "/narpf-companion/v1/credential-requests/" VALUE "/confirmation",
			ROLE_COMPANION_GATEWAY },
		{ "POST", "/nsm-device/v1/device-additions", ROLE_COMPANION_GATEWAY },
	};
	const struct route *route;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route_match match;
		char path[256];

		snprintf(path, sizeof(path), "%s", rows[i].path);
		routes_find(rows[i].method, path, &match);
		ck_assert_ptr_nonnull(match.route);
		ck_assert_uint_eq(match.route->roles, rows[i].roles);
	}
	for (unsigned i = 0; (route = routes_at(i)) != NULL; i++) {
		ck_assert_uint_ne(route->roles, 0);
		if (strncmp(route->path, "/admin/", 7) != 0)
			continue;
		ck_assert_uint_eq(route->roles,
			strcmp(route->method, "GET") == 0 ? ROLE_ADMIN | ROLE_AUDITOR : ROLE_ADMIN);
	}
}
END_TEST

START_TEST(test_every_procedure_is_counted)
{
	const struct route *route;
	unsigned count = 0;

	while (routes_procedure(count) != NULL)
		count++;
	for (unsigned i = 0; (route = routes_at(i)) != NULL; i++)
		if (route->procedure != NULL)
			ck_assert_uint_lt(i, count);
}
END_TEST

/* What every table of steps must hold to, whoever writes it. */
START_TEST(test_tables_of_steps)
{
	for (unsigned i = 0; routes_procedure(i) != NULL; i++) {
		const struct procedure *p = routes_procedure(i);
		unsigned count = 0;

		ck_assert_ptr_nonnull(p->name);
		ck_assert_uint_gt(p->state_size, 0);
		for (; count < PROCEDURE_MAX_STEPS && p->steps[count].name != NULL; count++) {
			const struct step *step = &p->steps[count];

			ck_assert_msg(step->run != NULL || step->lane == LANE_IMSI ||
					      step->lane == LANE_VIEWS,
				"%s: %s", p->name, step->name);
			ck_assert_msg(step->finish == NULL || step->lane != LANE_CPU, "%s: %s",
				p->name, step->name);
		}
		ck_assert_uint_gt(count, 0);
		ck_assert_uint_lt(count, PROCEDURE_MAX_STEPS);
		ck_assert_int_eq(p->steps[count - 1].lane, LANE_REPLY);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_every_route_is_found,
		test_other_methods_name_those_that_are,
		test_no_other_path,
		test_roles,
		test_every_procedure_is_counted,
		test_tables_of_steps,
	};

	return suite_run("routes", tests, sizeof(tests) / sizeof(tests[0]));
}
