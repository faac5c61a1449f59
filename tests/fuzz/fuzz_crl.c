/* A revocation list, in DER or PEM: what is read of it OpenSSL reads the same, and nothing of it is trusted. */
#include <openssl/bn.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <time.h>

#include "pki/crl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool same_time(const ASN1_TIME *time, int64_t read)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 && timegm(&tm) == read;
}

static bool same_serial(const X509_REVOKED *r, const uint8_t read[CRL_SERIAL_LEN])
{
	BIGNUM *theirs = ASN1_INTEGER_to_BN(X509_REVOKED_get0_serialNumber(r), NULL);
	BIGNUM *ours = BN_bin2bn(read, CRL_SERIAL_LEN, NULL);
	bool is_same = theirs != NULL && ours != NULL && BN_cmp(theirs, ours) == 0;

	BN_free(theirs);
	BN_free(ours);
	return is_same;
}

static void compare(const struct crl *crl, X509_CRL *x)
{
	const struct crl_said *said = crl_said(crl);
	STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(x);
	int count = sk_X509_REVOKED_num(revoked);

	must(same_time(X509_CRL_get0_lastUpdate(x), said->this_update));
	must(same_time(X509_CRL_get0_nextUpdate(x), said->next_update));
	must(said->entries == (count > 0 ? (size_t)count : 0));
	must(said->number_len <= sizeof(said->number));
	uint8_t *serials = malloc(said->entries * CRL_SERIAL_LEN + 1);
	must(serials != NULL);
	crl_write_serials(crl, serials);
	for (size_t i = 0; i < said->entries; i++)
		must(same_serial(
			sk_X509_REVOKED_value(revoked, (int)i), serials + i * CRL_SERIAL_LEN));
	free(serials);
}

/* A list made of chance is nobody's. */
static void ask_for_issuer(const struct crl *crl, struct bytes input)
{
	struct trust *trust = trust_new();
	struct crl_issuer issuer;
	const char *reason = NULL;

	must(trust != NULL);
	must(crl_find_issuer(crl, trust, &issuer, &reason) == CERTIFICATE_UNTRUSTED &&
		reason != NULL);
	must(crl_check_issuer(crl, input, &issuer, &reason) != FINE);
	(void)!crl_check_dates(crl, 1767225600, &reason);
	trust_give_back(trust);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_of(data, size);
	struct crl *crl;
	const char *reason = NULL;
	uint8_t *der;
	size_t len;
	enum outcome o = crl_read(input, &crl, &reason);

	must(o == FINE || o == INVALID_PARAMETER || o == PAYLOAD_TOO_LARGE);
	must((o == FINE) == (crl != NULL) && (o == FINE || reason != NULL));
	if (o != FINE)
		return 0;
	must(crl_to_der(input, &der, &len, &reason) == FINE && len <= CRL_MAX);
	const unsigned char *end = der;
	X509_CRL *x = d2i_X509_CRL(NULL, &end, (long)len);
	must(x != NULL && end == der + len);
	compare(crl, x);
	ask_for_issuer(crl, input);
	X509_CRL_free(x);
	crl_free(crl);
	free(der);
	return 0;
}
