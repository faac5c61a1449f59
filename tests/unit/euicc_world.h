/*
 * A chain CI, EUM, eUICC that holds, what is trusted, and a cache: what tests of the chain of eUICCs begin with
 * and then spoil.
 */
#ifndef TESTS_UNIT_EUICC_WORLD_H
#define TESTS_UNIT_EUICC_WORLD_H

#include "pki/euicc_chain.h"
#include "tests/unit/pki_maker.h"

enum euicc_level { EUICC_CI, EUICC_EUM, EUICC_LEAF, EUICC_LEVELS };

#define EUICC_EID "89049032123451234512345678901235"
#define EUICC_EIN "89049032"
#define EUICC_O   "Maker of eUICCs"

#define EUICC_CA        "basicConstraints=critical,CA:TRUE,pathlen:0"
#define EUICC_CERT_SIGN "keyUsage=critical,keyCertSign"
#define EUICC_SIGNS     "keyUsage=critical,digitalSignature"
/* NameConstraints { permitted { directoryName { O = EUICC_O, serialNumber = EUICC_EIN } } } */
#define EUICC_PERMITS                                                                   \
	"2.5.29.30=critical,DER:3035A0333031A42F302D31183016060355040A0C0F4D616B657220" \
	"6F66206555494343733111300F060355040513083839303439303332"

struct euicc_world {
	struct pki_made made[EUICC_LEVELS];
	struct trust *trust;
	struct issuer_cache *cache;
	struct certificate leaf;
	struct chain_failure failure;
};

/* Made once by euicc_make_keys; euicc_other_key is nobody's. */
extern EVP_PKEY *euicc_keys[EUICC_LEVELS], *euicc_other_key;

void euicc_make_keys(void);
void euicc_free_keys(void);
/* The good recipe of a level, to be changed. */
struct pki_recipe euicc_recipe(enum euicc_level level);
void euicc_start(struct euicc_world *w);
void euicc_end(struct euicc_world *w);
/* Another struct trust, with this certificate in this use. */
void euicc_trust_only(struct euicc_world *w, enum trust_use use, const struct pki_made *anchor);
enum outcome euicc_verify(struct euicc_world *w, const char *eid, int64_t now);

#endif
