/*
 * A SoftHSM token of the test's own in a temporary folder, with the server's keys on it, and the configuration
 * that leads to it. SOFTHSM2_CONF is set for this process and its children.
 */
#ifndef TESTS_INTEGRATION_SOFTHSM_WORLD_H
#define TESTS_INTEGRATION_SOFTHSM_WORLD_H

#include <jansson.h>

struct softhsm_world {
	char folder[64];
	char config[96];
	char keyd[512]; /* the arpf-keyd of this build */
};

/* Ends the process with a skip and its reason where SoftHSM is missing; where CI is set that is a failure. */
void softhsm_world_or_skip(struct softhsm_world *w);
void softhsm_world_remove(struct softhsm_world *w);
/* Runs a command of arpf-keyd; its JSON, the caller's, or NULL where it failed. */
json_t *softhsm_world_keyd(const struct softhsm_world *w, const char *const *words);
/* Writes the PIN file anew. */
void softhsm_world_set_pin(const struct softhsm_world *w, const char *pin);

#endif
