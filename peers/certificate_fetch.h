/*
 * Fetching a device's certificates from the URL that its companion UE read off it (docs/protocol.md
 * section 8, step 3): where such a URL may lead, what of a redirect is followed, and when it has
 * taken too long. One fetch is a run of requests of the FETCH lane, one a hop:
 *
 *     certificate_fetch_start(&f, url);
 *     do {
 *             if (!certificate_fetch_check(&f, &rules)) -> outside the operator's list
 *             certificate_fetch_ask(&f, &request);      -> http_send()
 *     } while (certificate_fetch_have(&f, &request, outcome) == FETCH_REDIRECTED);
 *
 * One loop. The structure must live until the last request has ended.
 */
#ifndef PEERS_CERTIFICATE_FETCH_H
#define PEERS_CERTIFICATE_FETCH_H

#include "peers/http_client.h"

#define FETCH_URL_MAX        1024u
#define FETCH_MOST_REDIRECTS 3u
#define FETCH_MOST_BYTES     (64u * 1024u)
#define FETCH_MOST_MS        5000
#define FETCH_HOST_MAX       255u

/* What an operator allows; the texts are looked at in certificate_fetch_check() only, but for networks and ca_file. */
struct fetch_rules {
	const char *hosts;    /* origins, blank-separated */
	const char *networks; /* until the fetch has ended */
	const char *ca_file;  /* until the fetch has ended; NULL or empty: the system's */
};

struct certificate_fetch {
	char url[FETCH_URL_MAX + 1]; /* of the next hop */
	char host[FETCH_HOST_MAX + 1];
	unsigned redirects;
	struct fetch_policy policy;
	int64_t fresh_s;    /* the least of the hops' */
	const char *reason; /* why it failed: a sentence */
};

enum fetch_turn { FETCH_DONE, FETCH_REDIRECTED, FETCH_FAILED };

/* False where the URL is longer than FETCH_URL_MAX. The time begins with the first hop. */
bool certificate_fetch_start(struct certificate_fetch *f, const char *url);
/*
 * Whether the next hop may be asked: a URL of visible ASCII characters, without user information or
 * fragment, of a listed origin, and read the same by libcurl. Where not, f->reason says why.
 */
bool certificate_fetch_check(struct certificate_fetch *f, const struct fetch_rules *rules);
/* Fills in everything but done and deadline_ms. */
void certificate_fetch_ask(struct certificate_fetch *f, struct http_request *request);
/* FETCH_DONE: status 200, the request has the answer. FETCH_REDIRECTED: f->url is the next hop, to be checked. */
enum fetch_turn certificate_fetch_have(
	struct certificate_fetch *f, const struct http_request *request, enum outcome brought);

/*
 * Whether every DeviceID= that the URL's path or query carries (www.example.com/DeviceID=xxxx) names this
 * device, percent-encoding undone. A URL without one names every device.
 */
bool device_url_names(const char *url, struct bytes device_id);

#endif
