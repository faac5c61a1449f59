#include "procedures/arpf_directory.h"

#include <stdlib.h>

#include "peers/origins.h"

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

static bool is_loopback(const struct origin *o)
{
	return bytes_equal(o->host, bytes_of_text(o->is_ipv6 ? "::1" : "127.0.0.1"));
}

bool peer_uri_is_safe(const char *uri)
{
	struct origin origin;

	return origin_read(uri, &origin) && (origin.is_https || is_loopback(&origin));
}

bool arpf_uri_is_allowed(const char *peers, const char *uri)
{
	struct origin origin;

	/* A path may follow, but nothing that would make another of the one asked for. */
	if (strpbrk(uri, " \t\r\n\\?#%") != NULL || !origin_read(uri, &origin) ||
		strstr(uri + origin.len, "/.") != NULL)
		return false;
	return (origin.is_https || is_loopback(&origin)) && origin_is_listed(peers, &origin);
}
