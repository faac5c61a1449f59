/*
 * Certificates as a web server has them, in any of the three forms, and the chain that they are said to
 * be. The first byte is the form. What the strict reader takes for a certificate is one here as well.
 */
#include <openssl/x509.h>
#include <stdlib.h>

#include "pki/device_anchor.h"
#include "pki/device_chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1767225600 /* 2026-01-01 */

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Whatever may be one is an anchor, so that chains end. */
static void trust_all(struct trust *trust, const struct certificates *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		unsigned char *der = NULL;
		int len = i2d_X509(chain->at[i], &der);

		if (len > 0)
			(void)!trust_add_anchor(trust, TRUST_DEVICE, bytes_of(der, (size_t)len));
		OPENSSL_free(der);
	}
}

static void verify(struct certificates *chain)
{
	struct trust *trust = trust_new();
	struct device_certificate device;
	const char *reason = NULL;

	must(trust != NULL);
	trust_all(trust, chain);
	enum outcome o = device_chain_verify(trust, chain, NOW, &device, &reason);
	must(o == FINE || reason != NULL);
	if (o == FINE)
		must(device_id_is_valid(bytes_of_text(device.device_id)) &&
			device.manufacturer[0] != '\0' && device.model[0] != '\0' &&
			device.key_len > 0 && device.key_len <= sizeof(device.key));
	trust_give_back(trust);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct certificates chain;
	struct certificate strict;
	struct certificate_summary summary;

	if (size == 0)
		return 0;
	enum certificates_form form = (enum certificates_form)(data[0] % 3);
	struct bytes body = bytes_of(data + 1, size - 1);
	enum outcome o = certificates_read(body, form, &chain);
	must(o == FINE || o == INVALID_PARAMETER);
	must((o == FINE) == (chain.count > 0));
	if (form == CERTIFICATES_DER && certificate_read(body, &strict) == FINE)
		must(o == FINE && certificate_summarise(body, &summary) == FINE &&
			summary.not_after == strict.not_after);
	if (o != FINE)
		return 0;
	verify(&chain);
	certificates_free(&chain);
	return 0;
}
