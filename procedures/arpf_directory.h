/*
 * The signing certificates of other operators' ARPFs, as their GET /narpf-ek/v1/certificate gave them, by
 * signerId. What is kept here is not trusted: it is verified at every use. Bounded; one loop.
 */
#ifndef PROCEDURES_ARPF_DIRECTORY_H
#define PROCEDURES_ARPF_DIRECTORY_H

#include "base/bytes.h"
#include "pki/chain.h"

struct arpf_directory;

struct arpf_certificate_entry {
	uint8_t signer_id[32];
	struct bytes certificate;
	struct bytes chain[CHAIN_MAX];
	size_t chain_count;
};

struct arpf_directory *arpf_directory_new(void);
void arpf_directory_free(struct arpf_directory *d);
/* Copies; an older entry makes place. */
enum outcome arpf_directory_put(
	struct arpf_directory *d, const struct arpf_certificate_entry *entry);
void arpf_directory_forget(struct arpf_directory *d, const uint8_t signer_id[32]);
/* NULL where it is not known. Valid until the next put. */
const struct arpf_certificate_entry *arpf_directory_find(
	const struct arpf_directory *d, const uint8_t signer_id[32]);
/*
 * Whether an arpfUri is one this server may speak to: its origin is among `peers` (blank-separated; a port of * is
 * any), and it is https, or http to a loopback address.
 */
bool arpf_uri_is_allowed(const char *peers, const char *uri);
/* Whether it is https, or http to a loopback address: what goes there is for one pair of eyes. */
bool peer_uri_is_safe(const char *uri);

#endif
