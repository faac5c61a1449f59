/*
 * What was fetched lately, by URL, for as long as its sender called it fresh. What is kept here is not
 * trusted: it is verified at every use. Bounded in number and bytes: what was unused longest makes
 * place. Belongs to one loop and its thread.
 */
#ifndef PEERS_CERTIFICATE_CACHE_H
#define PEERS_CERTIFICATE_CACHE_H

#include <stdint.h>

#include "base/bytes.h"

#define CERTIFICATE_CACHE_ENTRIES 1024u
#define CERTIFICATE_CACHE_BYTES   (16u * 1024u * 1024u)

struct certificate_cache;

/* NULL: no memory. */
struct certificate_cache *certificate_cache_new(void);
/* NULL is allowed. */
void certificate_cache_free(struct certificate_cache *c);
/* Copies; another answer of this URL is replaced. form: the caller's word for what the body is. Best effort. */
void certificate_cache_put(
	struct certificate_cache *c, const char *url, int form, struct bytes body, int64_t fresh_s);
/* False where there is none that is fresh. The body is valid until the next put. */
bool certificate_cache_find(
	struct certificate_cache *c, const char *url, int *form, struct bytes *body);

#endif
