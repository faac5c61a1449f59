/*
 * The simulated device maker of a fleet, as files of its folder: ci.pem and pn.pem (certificates, one for
 * each part number, or for each manufacturer of eUICCs), ci.key.pem and pn.key.pem (their private keys, RFC 5915, in
 * the same order). One thread.
 */
#ifndef LOADTEST_MAKER_FILES_H
#define LOADTEST_MAKER_FILES_H

#include "device/certificate_maker.h"

#define PARTS_MOST 64

struct maker {
	struct authority ci;
	struct authority parts[PARTS_MOST];
	unsigned part_count;
};

enum maker_kind { MAKER_OF_PARTS, MAKER_OF_EUICCS };
/* With fresh keys, valid from an hour ago for ten years. */
enum outcome maker_make(
	struct maker *m, enum maker_kind kind, unsigned part_count, struct validity *validity);
/* The EIN of the i-th manufacturer of eUICCs. */
#define EIN_LEN 8
void maker_ein(unsigned i, char out[EIN_LEN + 1]);
/* Both say on stderr what is wrong. */
bool maker_write(const struct maker *m, const char *folder);
bool maker_read(struct maker *m, const char *folder);
/* The private keys. */
void maker_wipe(struct maker *m);

/* A certificate as PEM (RFC 7468). */
void pem_put_certificate(struct buffer *out, struct bytes der);

/* folder/name; false where it is too long. */
bool path_in(const char *folder, const char *name, char *out, size_t size);

#endif
