#include "peers/certificate_fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>

#include "base/clock.h"
#include "peers/origins.h"

static const char media_types[] =
	"application/pem-certificate-chain, application/pkix-cert, application/pkcs7-mime";

static bool set_url(struct certificate_fetch *f, const char *url)
{
	size_t len = strlen(url);

	if (len > FETCH_URL_MAX)
		return false;
	memcpy(f->url, url, len + 1);
	return true;
}

bool certificate_fetch_start(struct certificate_fetch *f, const char *url)
{
	*f = (struct certificate_fetch){ .fresh_s = INT64_MAX };
	return set_url(f, url);
}

/* A backslash is a slash to some readers, and a fragment is nothing to a server. */
static bool is_plain(const char *url)
{
	for (; *url != '\0'; url++)
		if (*url < 0x21 || *url > 0x7e || *url == '\\' || *url == '#')
			return false;
	return true;
}

/* libcurl finds the same host in it: not another way of writing an IPv4 address, for one. */
static bool is_read_alike(const char *url, const struct origin *origin)
{
	CURLU *u = curl_url();
	char *host = NULL;
	bool is_alike = false;

	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
		size_t bracket = origin->is_ipv6 ? 1 : 0, len = strlen(host);

		is_alike = len == origin->host.len + 2 * bracket &&
			   strncasecmp(host + bracket, (const char *)origin->host.at,
				   origin->host.len) == 0;
	}
	curl_free(host);
	curl_url_cleanup(u);
	return is_alike;
}

bool certificate_fetch_check(struct certificate_fetch *f, const struct fetch_rules *rules)
{
	struct origin origin;

	f->reason = "This is no http or https URL of visible ASCII characters, without user "
		    "information or fragment.";
	if (!is_plain(f->url) || !origin_read(f->url, &origin) ||
		origin.host.len > FETCH_HOST_MAX || !is_read_alike(f->url, &origin))
		return false;
	f->reason = "This is no certification authority that this server may ask.";
	if (!origin_is_listed(rules->hosts, &origin))
		return false;
	memcpy(f->host, origin.host.at, origin.host.len);
	f->host[origin.host.len] = '\0';
	f->policy.host = f->host;
	f->policy.networks = rules->networks;
	f->policy.ca_file =
		rules->ca_file != NULL && rules->ca_file[0] != '\0' ? rules->ca_file : NULL;
	f->policy.accept = media_types;
	if (f->redirects == 0)
		f->policy.until_ms = clock_ms() + FETCH_MOST_MS;
	f->reason = NULL;
	return true;
}

void certificate_fetch_ask(struct certificate_fetch *f, struct http_request *request)
{
	*request = (struct http_request){
		.method = "GET",
		.url = f->url,
		.most = FETCH_MOST_BYTES,
		.policy = &f->policy,
	};
}

static enum fetch_turn fail(struct certificate_fetch *f, const char *reason)
{
	f->reason = reason;
	return FETCH_FAILED;
}

static bool is_redirect(int status)
{
	return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

enum fetch_turn certificate_fetch_have(
	struct certificate_fetch *f, const struct http_request *request, enum outcome brought)
{
	if (brought == PEER_TIMEOUT || clock_ms() >= f->policy.until_ms)
		return fail(f, "The certification authority was too slow.");
	if (brought != FINE)
		return fail(f, "The certification authority could not be reached, or its answer "
			       "was broken off.");
	if (request->fresh_s < f->fresh_s)
		f->fresh_s = request->fresh_s;
	if (request->status == 200)
		return FETCH_DONE;
	if (!is_redirect(request->status))
		return fail(f, "The certification authority does not give the certificate.");
	if (f->redirects == FETCH_MOST_REDIRECTS)
		return fail(f, "The certification authority redirects too often.");
	if (request->location == NULL || !set_url(f, request->location))
		return fail(f, "The certification authority redirects to no usable URL.");
	f->redirects++;
	return FETCH_REDIRECTED;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The piece with its percent-encoding undone; what is not well encoded stays as it is. */
static size_t decode(struct bytes piece, uint8_t *out)
{
	size_t len = 0;

	for (size_t i = 0; i < piece.len; i++) {
		int high = piece.len - i > 2 ? hex_digit((char)piece.at[i + 1]) : -1;
		int low = piece.len - i > 2 ? hex_digit((char)piece.at[i + 2]) : -1;

		if (piece.at[i] == '%' && high >= 0 && low >= 0) {
			out[len++] = (uint8_t)(high << 4 | low);
			i += 2;
		} else {
			out[len++] = piece.at[i];
		}
	}
	return len;
}

/* False only for a DeviceID= of another device. */
static bool piece_names(struct bytes piece, struct bytes device_id)
{
	static const char name[] = "DeviceID=";
	size_t name_len = sizeof(name) - 1;
	uint8_t decoded[FETCH_URL_MAX];

	if (piece.len > sizeof(decoded))
		return false;
	size_t len = decode(piece, decoded);
	if (len < name_len || memcmp(decoded, name, name_len) != 0)
		return true;
	return bytes_equal(bytes_of(decoded + name_len, len - name_len), device_id);
}

bool device_url_names(const char *url, struct bytes device_id)
{
	const char *at = strstr(url, "://");

	at = at != NULL ? at + 3 : url;
	for (at += strcspn(at, "/?"); *at != '\0';) {
		size_t len = strcspn(++at, "/?&;#");

		if (!piece_names(bytes_of(at, len), device_id))
			return false;
		at += len;
	}
	return true;
}
