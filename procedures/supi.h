/*
 * Whom section 5 is asked about (docs/protocol.md section 5.1; TS 23.003 clauses 2.2A and 2.2B,
 * TS 29.571): an IMSI, an Access ID in the form of an NAI, or a SUCI, which the home network alone
 * can open (TS 33.501 6.12 and Annex C).
 */
#ifndef PROCEDURES_SUPI_H
#define PROCEDURES_SUPI_H

#include "procedures/procedure.h"

enum supi_form {
	SUPI_IMSI,      /* also a SUCI of the null scheme: it conceals nothing */
	SUPI_ACCESS_ID, /* nai-… */
	SUPI_CONCEALED, /* suci-0-… of Profile A or B */
};

#define SUPI_TEXT_LEN (sizeof("imsi-") + IMSI_DIGITS)

struct supi {
	enum supi_form form;
	uint64_t imsi;                     /* SUPI_IMSI */
	struct db_access_id access_id;     /* SUPI_ACCESS_ID */
	struct key_deconceal_in concealed; /* SUPI_CONCEALED */
};

/*
 * The path's parameter. INVALID_PARAMETER; USER_NOT_FOUND for an NAI or a SUCI of another network than
 * the home PLMN.
 */
enum outcome supi_read_path(struct txn *t, unsigned parameter, struct supi *supi);
/* The member supi, of the form imsi- alone. For CPU steps, after body_read(). */
enum outcome supi_read_member(struct txn *t, uint64_t *imsi);
/*
 * Whether a worker can open it: INVALID_PARAMETER where its home network public key identifier is none of
 * `keys`, as key_client_keys() tells them. While no key at all is known it is the worker's to say.
 */
enum outcome supi_check_home_key(
	struct txn *t, const struct supi *supi, const struct key_found *keys, unsigned count);
/* What was concealed, the MSIN in TBCD, makes it an IMSI; INVALID_PARAMETER. */
enum outcome supi_reveal(struct txn *t, struct supi *supi, const struct key_msin *msin);
/* For finish of a step with DB_FIND_ACCESS_ID: USER_NOT_FOUND where it has no subscription. */
enum outcome supi_have_access_id(
	struct txn *t, struct supi *supi, const struct db_access *row, enum outcome brought);
/* imsi-<15 digits> and a NUL. */
void supi_write(uint64_t imsi, char out[SUPI_TEXT_LEN]);

#endif
