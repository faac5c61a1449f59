#include "peers/certificate_cache.h"

#include <stdlib.h>

#include "base/clock.h"

struct entry {
	uint64_t url_hash; /* 0: the place is free */
	uint64_t used;     /* when last, by the cache's count */
	int64_t until_ms;
	int form;
	char *url;
	struct bytes body;
};

struct certificate_cache {
	uint64_t uses;
	size_t bytes;
	struct entry entries[CERTIFICATE_CACHE_ENTRIES];
};

struct certificate_cache *certificate_cache_new(void)
{
	return calloc(1, sizeof(struct certificate_cache));
}

static size_t size_of(const struct entry *e)
{
	return strlen(e->url) + e->body.len;
}

static void clear(struct certificate_cache *c, struct entry *e)
{
	if (e->url_hash == 0)
		return;
	c->bytes -= size_of(e);
	free(e->url);
	bytes_free(e->body);
	*e = (struct entry){ 0 };
}

void certificate_cache_free(struct certificate_cache *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < CERTIFICATE_CACHE_ENTRIES; i++)
		clear(c, &c->entries[i]);
	free(c);
}

/* FNV-1a. Who finds two URLs of one hash gains nothing: the text decides. */
static uint64_t hash_of(const char *url)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *url != '\0'; url++)
		h = (h ^ (uint8_t)*url) * 0x100000001b3u;
	return h != 0 ? h : 1;
}

static struct entry *find(struct certificate_cache *c, const char *url)
{
	uint64_t hash = hash_of(url);

	for (unsigned i = 0; i < CERTIFICATE_CACHE_ENTRIES; i++)
		if (c->entries[i].url_hash == hash && strcmp(c->entries[i].url, url) == 0)
			return &c->entries[i];
	return NULL;
}

/* A free place, or that of the entry unused longest. */
static struct entry *oldest(struct certificate_cache *c)
{
	struct entry *found = &c->entries[0];

	for (unsigned i = 1; i < CERTIFICATE_CACHE_ENTRIES; i++)
		if (c->entries[i].used < found->used)
			found = &c->entries[i];
	return found;
}

static void clear_oldest_in_use(struct certificate_cache *c)
{
	struct entry *found = NULL;

	for (unsigned i = 0; i < CERTIFICATE_CACHE_ENTRIES; i++)
		if (c->entries[i].url_hash != 0 &&
			(found == NULL || c->entries[i].used < found->used))
			found = &c->entries[i];
	if (found != NULL)
		clear(c, found);
}

void certificate_cache_put(
	struct certificate_cache *c, const char *url, int form, struct bytes body, int64_t fresh_s)
{
	struct entry *e = find(c, url), fresh = { .form = form };

	if (e != NULL)
		clear(c, e);
	if (fresh_s <= 0 || strlen(url) + body.len > CERTIFICATE_CACHE_BYTES)
		return;
	fresh.url = strdup(url);
	if (fresh.url == NULL || !bytes_duplicate(body, &fresh.body)) {
		free(fresh.url);
		return;
	}
	while (c->bytes + size_of(&fresh) > CERTIFICATE_CACHE_BYTES)
		clear_oldest_in_use(c);
	e = oldest(c);
	clear(c, e);
	fresh.url_hash = hash_of(url);
	fresh.used = ++c->uses;
	fresh.until_ms = clock_ms() + fresh_s * 1000;
	c->bytes += size_of(&fresh);
	*e = fresh;
}

bool certificate_cache_find(
	struct certificate_cache *c, const char *url, int *form, struct bytes *body)
{
	struct entry *e = find(c, url);

	if (e == NULL)
		return false;
	if (clock_ms() >= e->until_ms) {
		clear(c, e);
		return false;
	}
	e->used = ++c->uses;
	*form = e->form;
	*body = e->body;
	return true;
}
