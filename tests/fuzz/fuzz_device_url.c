/*
 * A URL that a companion UE has sent: what is let through is what libcurl makes of it, too. The second line,
 * where there is one, is a Cache-Control, the third a Content-Type.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>

#include "peers/certificate_fetch.h"
#include "peers/http_freshness.h"
#include "peers/origins.h"
#include "pki/certificates_read.h"
#include "procedures/arpf_directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char hosts[] = "https://ca.example http://127.0.0.1:8080 https://[::1]:* https://a:*";

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Of what is listed, and by libcurl's reading of it. */
static void check_allowed(const char *url, const char *host)
{
	CURLU *u = curl_url();
	char *theirs = NULL, *user = NULL, *fragment = NULL, *scheme = NULL;

	must(strcasecmp(host, "ca.example") == 0 || strcmp(host, "127.0.0.1") == 0 ||
		strcmp(host, "::1") == 0 || strcasecmp(host, "a") == 0);
	must(u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK);
	must(curl_url_get(u, CURLUPART_HOST, &theirs, 0) == CURLUE_OK);
	must(strcasecmp(theirs + (theirs[0] == '['), host) == 0 || strcmp(theirs, "[::1]") == 0);
	must(curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		(strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0));
	must(curl_url_get(u, CURLUPART_USER, &user, 0) != CURLUE_OK);
	must(curl_url_get(u, CURLUPART_FRAGMENT, &fragment, 0) != CURLUE_OK);
	curl_free(theirs);
	curl_free(scheme);
	curl_url_cleanup(u);
}

static void look_at_url(const char *url)
{
	static const struct fetch_rules rules = { hosts, "10.0.0.0/8", NULL };
	struct certificate_fetch f;
	struct origin o;

	(void)device_url_names(url, bytes_of_text("dev-1"));
	(void)arpf_uri_is_allowed(hosts, url);
	if (origin_read(url, &o))
		must(o.len <= strlen(url) && o.host.len > 0 && o.port > 0 &&
			origin_is_listed("* https://ca.example", &o) ==
				(o.is_https && o.port == 443 && o.host.len == 10 &&
					strncasecmp((const char *)o.host.at, "ca.example", 10) ==
						0));
	if (!certificate_fetch_start(&f, url))
		must(strlen(url) > FETCH_URL_MAX);
	else if (certificate_fetch_check(&f, &rules))
		check_allowed(url, f.policy.host);
	else
		must(f.reason != NULL);
}

static void look_at_headers(const char *cache_control, const char *content_type)
{
	struct http_freshness fresh = { 0 };
	enum certificates_form form;

	http_freshness_add(&fresh, "Cache-Control", cache_control);
	http_freshness_add(&fresh, "Expires", cache_control);
	http_freshness_add(&fresh, "Age", content_type);
	int64_t left = http_freshness_left(&fresh, 0);
	must(left >= 0 && left <= HTTP_FRESH_MOST_S);
	if (certificates_form_of(content_type, &form))
		must(strncasecmp(content_type, "application/p", 13) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text;

	must(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	const char *url = strsep(&rest, "\n");
	const char *second = rest != NULL ? strsep(&rest, "\n") : "";

	look_at_url(url);
	look_at_headers(second, rest != NULL ? rest : "");
	free(text);
	return 0;
}
