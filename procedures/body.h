/*
 * Reads a request's JSON body (docs/protocol.md section 1): UTF-8, duplicate members refused, unknown ones
 * ignored. Each reader refuses with MISSING_PARAMETER or INVALID_PARAMETER and names the member in
 * the transaction, so that a step is a run of readers, each returned from at once when it refuses.
 * For CPU steps; what is read lives in the transaction's arena.
 */
#ifndef PROCEDURES_BODY_H
#define PROCEDURES_BODY_H

#include "procedures/procedure.h"

/*
 * Once a process, before its threads: a body may hold a key, and from now on what the JSON library makes of
 * one is wiped when freed.
 */
void body_start(void);
/* The body as an object, kept at t->json; MALFORMED_REQUEST. Does nothing where t->json is set (an item). */
enum outcome body_read(struct txn *t);

/* A member that must be there. name may be a path (seCredentials.atk): its last part is what is looked up. */
enum outcome body_object(struct txn *t, const json_t *in, const char *name, const json_t **out);
enum outcome body_array(struct txn *t, const json_t *in, const char *name, const json_t **out);
enum outcome body_text(
	struct txn *t, const json_t *in, const char *name, size_t most, const char **out);
/* Base64 of least to most bytes. */
enum outcome body_bytes(struct txn *t, const json_t *in, const char *name, size_t least,
	size_t most, struct bytes *out);
/* An array of so many such texts, each of 1 to most bytes. */
struct body_list {
	struct bytes *at; /* room for most_count */
	size_t least_count, most_count, most;
	size_t count;
};
enum outcome body_bytes_list(
	struct txn *t, const json_t *in, const char *name, struct body_list *list);
enum outcome body_hex(struct txn *t, const json_t *in, const char *name, uint8_t *out, size_t len);
/* The member eid (SGP.29), with right check digits. */
enum outcome body_eid(struct txn *t, const json_t *in, const char **out);
enum outcome body_number(struct txn *t, const json_t *in, const char *name, int64_t least,
	int64_t most, int64_t *out);
/* Whether a member is there (and not null). */
bool body_has(const json_t *in, const char *name);

/* The path's parameter as a dIMSI, with or without "imsi-"; INVALID_PARAMETER. */
enum outcome path_dimsi(struct txn *t, unsigned parameter, int64_t *dimsi);
/* The path's parameter as so many bytes in hexadecimal, `name` for the answer; INVALID_PARAMETER. */
enum outcome path_hex(
	struct txn *t, unsigned parameter, const char *name, uint8_t *out, size_t len);

/* For REPLY steps: sets the answer from what was written. NO_MEMORY where the arena was at its end. */
enum outcome answer_json(struct txn *t, int status, struct json_out *o);

#endif
