/*
 * IMSI and dIMSI: 15 decimal digits, MCC, MNC (2 or 3 digits), MSIN (TS 23.003 clause 2.2). Inside
 * the server an IMSI is the number its digits spell, so that it is an integer key in the database;
 * leading zeros are kept by its always having 15 digits. No thread ties.
 */
#ifndef BASE_IMSI_H
#define BASE_IMSI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMSI_DIGITS 15
#define IMSI_LIMIT  UINT64_C(1000000000000000) /* one more than the greatest IMSI */

/* A PLMN code and, from the count of its digits, the length of its MNC. */
struct plmn {
	uint32_t number; /* its 5 or 6 digits as a number */
	uint8_t digits;  /* 5 or 6 */
};

/* Exactly 15 digits; anything else is refused. */
bool imsi_read(const char *text, size_t len, uint64_t *imsi);
/* 15 digits and a NUL. */
void imsi_write(uint64_t imsi, char out[IMSI_DIGITS + 1]);
/* The SUPI form imsi-<digits> (TS 29.571); refuses every other. */
bool imsi_read_supi(const char *text, size_t len, uint64_t *imsi);
/* TBCD of TS 29.002: first digit in the low nibble of the first byte, the last high nibble 0xF. */
void imsi_to_bcd(uint64_t imsi, uint8_t bcd[8]);
bool imsi_from_bcd(const uint8_t bcd[8], uint64_t *imsi);

bool plmn_read(const char *text, size_t len, struct plmn *plmn);
bool plmn_has_imsi(struct plmn plmn, uint64_t imsi);
/* The IMSI of this PLMN with this MSIN; false where the MSIN has too many digits. */
bool plmn_make_imsi(struct plmn plmn, uint64_t msin, uint64_t *imsi);
/* How many MSINs a PLMN has room for: 10^10 or 10^9. */
uint64_t plmn_msin_limit(struct plmn plmn);

#endif
