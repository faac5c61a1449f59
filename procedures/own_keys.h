/*
 * The server's certified keys and its ECCSI identities at a moment, as the database lists them.
 * Built once, then immutable; counted references, any thread. "Newest" is the highest generation
 * not retired.
 */
#ifndef PROCEDURES_OWN_KEYS_H
#define PROCEDURES_OWN_KEYS_H

#include "db/statements.h"
#include "hsm/messages.h"

struct own_key {
	enum key_use use;
	int generation;
	bool retired;
	int64_t created_at;
	char label[KEY_LABEL_LEN + 1];
	uint8_t key_id[KEY_ID_LEN];
	struct bytes certificate;
	struct bytes chain;    /* DERs one after the other, issuer first */
	uint8_t signer_id[32]; /* SHA-256 of the certificate */
};

/* What this server signs by as an identity (RFC 6507), for a time. */
struct own_identity {
	int64_t not_before, not_after; /* valid from not_before to the second before not_after */
	struct ibs_identity ibs;
};

struct own_keys;

/* Begins with one reference, empty. NULL: no memory. */
struct own_keys *own_keys_new(void);
struct own_keys *own_keys_take(struct own_keys *k);
void own_keys_give_back(struct own_keys *k);
/* Building: copies the row. */
enum outcome own_keys_add(struct own_keys *k, const struct db_key_row *row);
/*
 * Building: copies the row; BROKEN where it is no identity. Of more than there is room for those
 * that end last are kept.
 */
enum outcome own_keys_add_identity(struct own_keys *k, const struct db_ibs_identity *row);

/* NULL where there is none. */
const struct own_key *own_keys_newest(const struct own_keys *k, enum key_use use);
const struct own_key *own_keys_find(
	const struct own_keys *k, enum key_use use, const uint8_t key_id[KEY_ID_LEN]);
/* The identity in use: of those valid at `now` (unix seconds) the one that began last. */
const struct own_identity *own_keys_identity(const struct own_keys *k, int64_t now);
/* Where none is in use: the one that ends last, or has. */
const struct own_identity *own_keys_last_identity(const struct own_keys *k);
/* Cuts the next DER off the front of a chain; false at its end, or where it is none. */
bool own_key_chain_next(struct bytes *chain, struct bytes *der);
/* The i-th, newest generation first; NULL past the end. */
const struct own_key *own_keys_at(const struct own_keys *k, unsigned i);

#endif
