#include "loadtest/mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loadtest/procedures.h"

#define WORD_MAX 64

static bool complain(const char *word, const char *why)
{
	fprintf(stderr, "arpfload: --mix: %s: %s\n", word, why);
	return false;
}

/* "auth-data=30" */
static bool read_share(const char *word, struct mix *m)
{
	char name[WORD_MAX + 1], *end;
	const char *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : 0;

	if (len == 0 || m->count == MIX_MOST)
		return complain(word, "no PROCEDURE=SHARE");
	memcpy(name, word, len);
	name[len] = '\0';
	unsigned long share = strtoul(equals + 1, &end, 10);

	if (equals[1] < '1' || equals[1] > '9' || *end != '\0' || share > MIX_CYCLE_MOST - m->cycle)
		return complain(word, "shares are numbers that add up to 1000 at most");
	const struct procedure *p = procedure_find(name);

	for (unsigned i = 0; i < m->count; i++)
		if (m->procedures[i] == p)
			return complain(word, "twice");
	m->procedures[m->count] = p;
	m->shares[m->count] = (unsigned)share;
	m->count++;
	m->cycle += (unsigned)share;
	return p != NULL;
}

/* The one that is behind its share the furthest has the next turn. */
static unsigned next_turn(const struct mix *m, const unsigned *had, unsigned at)
{
	unsigned best = 0;
	int64_t best_lag = INT64_MIN;

	for (unsigned i = 0; i < m->count; i++) {
		int64_t lag = (int64_t)(at + 1) * m->shares[i] - (int64_t)had[i] * m->cycle;

		if (had[i] < m->shares[i] && lag > best_lag) {
			best = i;
			best_lag = lag;
		}
	}
	return best;
}

static void spread(struct mix *m)
{
	unsigned had[MIX_MOST] = { 0 };

	for (unsigned at = 0; at < m->cycle; at++) {
		unsigned i = next_turn(m, had, at);

		m->turns[at] = (uint8_t)i;
		m->before[at] = (uint16_t)had[i]++;
	}
}

bool mix_read(const char *text, struct mix *out)
{
	char word[WORD_MAX + 1];

	*out = (struct mix){ 0 };
	for (const char *at = text;; at++) {
		size_t len = strcspn(at, ",");

		if (len > WORD_MAX)
			return complain(at, "no PROCEDURE=SHARE");
		memcpy(word, at, len);
		word[len] = '\0';
		if (!read_share(word, out))
			return false;
		at += len;
		if (*at == '\0')
			break;
	}
	spread(out);
	return true;
}

unsigned mix_turn(const struct mix *m, uint64_t n, uint64_t *before)
{
	unsigned at = (unsigned)(n % m->cycle), i = m->turns[at];

	*before = n / m->cycle * m->shares[i] + m->before[at];
	return i;
}

uint64_t mix_items(const struct mix *m, unsigned i, uint64_t devices)
{
	uint64_t items = devices / m->shares[i] * m->cycle;
	uint64_t left = devices % m->shares[i];

	for (unsigned at = 0; at < m->cycle; at++, items++)
		if (m->turns[at] == i && left-- == 0)
			break;
	return items;
}
