/*
 * Procedures in given proportions: "initial-attach=50,auth-data=30". Whose turn the n-th item is, is a pure function
 * of n: each procedure's turns are spread evenly over a cycle, and cycles follow each other.
 */
#ifndef LOADTEST_MIX_H
#define LOADTEST_MIX_H

#include <stdbool.h>
#include <stdint.h>

#define MIX_MOST       16   /* procedures */
#define MIX_CYCLE_MOST 1000 /* the sum of the proportions */

struct procedure;

struct mix {
	unsigned count;
	const struct procedure *procedures[MIX_MOST];
	unsigned shares[MIX_MOST];
	unsigned cycle;                /* their sum */
	uint8_t turns[MIX_CYCLE_MOST]; /* whose turn each is */
	uint16_t
		before[MIX_CYCLE_MOST]; /* how many turns of the same come before it in the cycle */
};

/* false, and said on stderr, where it is none. */
bool mix_read(const char *text, struct mix *out);
/* The n-th item: whose turn it is, and how many that one had before. */
unsigned mix_turn(const struct mix *m, uint64_t n, uint64_t *before);
/* How many items there are until the i-th has had `devices` turns and would be next. */
uint64_t mix_items(const struct mix *m, unsigned i, uint64_t devices);

#endif
