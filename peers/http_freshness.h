/*
 * How long an answer may be used again, from its header fields (RFC 9111), for a cache of this
 * process alone: what is said of shared caches (s-maxage, private) does not concern it. Only what an answer
 * says expressly counts; where fields contradict each other, the shorter time. Pure.
 */
#ifndef PEERS_HTTP_FRESHNESS_H
#define PEERS_HTTP_FRESHNESS_H

#include <stdbool.h>
#include <stdint.h>

#define HTTP_FRESH_MOST_S 86400

/* Zeroed memory: no field seen yet. */
struct http_freshness {
	bool is_forbidden; /* no-store, no-cache, Vary: * */
	bool has_max_age, has_expires, has_date;
	int64_t max_age, age;  /* seconds */
	int64_t expires, date; /* unix seconds */
};

/* One field of an answer; those that say nothing of freshness are passed over. */
void http_freshness_add(struct http_freshness *f, const char *name, const char *value);
/* Seconds from now (unix), 0 to HTTP_FRESH_MOST_S. */
int64_t http_freshness_left(const struct http_freshness *f, int64_t now);

#endif
