#include "procedures/arpf_directory.h"

#include <stdlib.h>

#define MOST_ENTRIES 32u

struct arpf_directory {
	unsigned next;
	struct arpf_certificate_entry entries[MOST_ENTRIES];
};

struct arpf_directory *arpf_directory_new(void)
{
	return calloc(1, sizeof(struct arpf_directory));
}

static void clear(struct arpf_certificate_entry *e)
{
	bytes_free(e->certificate);
	for (size_t i = 0; i < e->chain_count; i++)
		bytes_free(e->chain[i]);
	memset(e, 0, sizeof(*e));
}

void arpf_directory_free(struct arpf_directory *d)
{
	if (d == NULL)
		return;
	for (unsigned i = 0; i < MOST_ENTRIES; i++)
		clear(&d->entries[i]);
	free(d);
}

enum outcome arpf_directory_put(
	struct arpf_directory *d, const struct arpf_certificate_entry *entry)
{
	struct arpf_certificate_entry *to = &d->entries[d->next++ % MOST_ENTRIES];

	clear(to);
	memcpy(to->signer_id, entry->signer_id, sizeof(to->signer_id));
	bool good = bytes_duplicate(entry->certificate, &to->certificate);

	for (; good && to->chain_count < entry->chain_count; to->chain_count++)
		if (!bytes_duplicate(entry->chain[to->chain_count], &to->chain[to->chain_count]))
			break;
	if (good && to->chain_count == entry->chain_count)
		return FINE;
	clear(to);
	return NO_MEMORY;
}

void arpf_directory_forget(struct arpf_directory *d, const uint8_t signer_id[32])
{
	for (unsigned i = 0; i < MOST_ENTRIES; i++)
		if (memcmp(d->entries[i].signer_id, signer_id, 32) == 0)
			clear(&d->entries[i]);
}

const struct arpf_certificate_entry *arpf_directory_find(
	const struct arpf_directory *d, const uint8_t signer_id[32])
{
	for (unsigned i = 0; i < MOST_ENTRIES; i++)
		if (d->entries[i].certificate.len > 0 &&
			memcmp(d->entries[i].signer_id, signer_id, 32) == 0)
			return &d->entries[i];
	return NULL;
}

/* The length of scheme://authority, 0 where the text is no such URI or has user information. */
static size_t origin_length(const char *uri)
{
	const char *at = strstr(uri, "://");

	/* A path may follow, but nothing that would make another of the one asked for. */
	if (at == NULL || strpbrk(uri, " \t\r\n\\?#%") != NULL || strstr(uri, "/.") != NULL)
		return 0;
	size_t len = strcspn(at + 3, "/?#");

	return len == 0 || memchr(at + 3, '@', len) != NULL ? 0 : (size_t)(at + 3 - uri) + len;
}

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_loopback(const char *uri)
{
	return has_prefix(uri, "http://127.0.0.1:") || has_prefix(uri, "http://127.0.0.1/") ||
	       has_prefix(uri, "http://[::1]:") || has_prefix(uri, "http://[::1]/");
}

static bool origin_fits(const char *peer, size_t peer_len, const char *uri, size_t origin_len)
{
	if (peer_len < 2 || memcmp(peer + peer_len - 2, ":*", 2) != 0)
		return peer_len == origin_len && memcmp(peer, uri, peer_len) == 0;
	size_t host_len = peer_len - 1; /* with the colon */

	return origin_len > host_len && memcmp(peer, uri, host_len) == 0 &&
	       strspn(uri + host_len, "0123456789") >= origin_len - host_len;
}

bool arpf_uri_is_allowed(const char *peers, const char *uri)
{
	size_t origin_len = origin_length(uri);

	if (origin_len == 0 || !(has_prefix(uri, "https://") || is_loopback(uri)))
		return false;
	for (peers += strspn(peers, " "); *peers != '\0'; peers += strspn(peers, " ")) {
		size_t len = strcspn(peers, " ");

		if (origin_fits(peers, len, uri, origin_len))
			return true;
		peers += len;
	}
	return false;
}
