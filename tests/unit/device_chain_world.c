#include "tests/unit/device_chain_world.h"

#include <check.h>

#include "pki/certificates_read.h"

struct pki_made made[DEVICE_LEVELS];
struct trust *trust;
struct device_certificate device;
const char *reason;

void trust_only(enum trust_use use, const struct pki_made *anchor)
{
	trust_give_back(trust);
	trust = trust_new();
	ck_assert_int_eq(trust_add_anchor(trust, use, pki_bytes(anchor)), FINE);
}

void begin(void)
{
	device_make_keys();
	for (int i = 0; i < DEVICE_LEVELS; i++)
		device_make(i, &made[i]);
	trust_only(TRUST_DEVICE, &made[ROOT]);
}

void end(void)
{
	trust_give_back(trust);
	trust = NULL;
	device_free_keys();
}

/* Takes the body. */
enum outcome verify(struct bytes body, enum certificates_form form, int64_t now)
{
	struct certificates chain;

	reason = NULL;
	ck_assert_int_eq(certificates_read(body, form, &chain), FINE);
	enum outcome o = device_chain_verify(trust, &chain, now, &device, &reason);
	certificates_free(&chain);
	bytes_free(body);
	ck_assert((o == FINE) || reason != NULL);
	return o;
}

void expect(struct bytes body, enum outcome expected)
{
	enum outcome o = verify(body, CERTIFICATES_PEM, PKI_NOW);

	ck_assert_msg(o == expected, "%s: %s", outcome_name(o), reason);
}
