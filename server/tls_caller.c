#include "server/tls_caller.h"

#include <gnutls/abstract.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/roles.h"

#define CHAIN_MOST    8
#define OU_MOST       64
#define CN_MOST       256
#define VERIFY_FLAGS  (GNUTLS_VERIFY_DO_NOT_ALLOW_X509_V1_CA_CRT)
#define LEAST_PROFILE GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM)
/* Of RSA keys, in bytes; everybody's exponent is 65537. */
#define MODULUS_MOST  1024u
#define EXPONENT_MOST 8u

/* An extended key usage that is there must allow it. */
static bool is_vouched_for(
	const struct tls_files *files, gnutls_x509_crt_t *chain, unsigned count, unsigned *status)
{
	gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT };

	*status = 0;
	return gnutls_x509_trust_list_verify_crt2(files->trust, chain, count, &purpose, 1,
		       VERIFY_FLAGS | LEAST_PROFILE, status, NULL) == 0 &&
	       *status == 0;
}

static bool has_another(gnutls_x509_crt_t crt, const char *oid)
{
	char any[1];
	size_t len = 0;

	return gnutls_x509_crt_get_dn_by_oid(crt, oid, 1, 0, any, &len) !=
	       GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
}

/* The subject's only OU; 0 where that is no role. */
static unsigned role_of(gnutls_x509_crt_t crt)
{
	char ou[OU_MOST];
	size_t len = sizeof(ou);

	if (gnutls_x509_crt_get_dn_by_oid(
		    crt, GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME, 0, 0, ou, &len) != 0 ||
		has_another(crt, GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME))
		return 0;
	return role_named(bytes_of(ou, len));
}

/* "<role>:<CN>"; what is not printable ASCII, and quotes, as %XX, cut where it is too long. */
static void write_name(gnutls_x509_crt_t crt, const char *role, char out[TLS_CALLER_NAME])
{
	char cn[CN_MOST];
	size_t cn_len = sizeof(cn);
	size_t len = (size_t)snprintf(out, TLS_CALLER_NAME, "%s:", role);

	if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, cn, &cn_len) != 0)
		cn_len = 0;
	for (size_t i = 0; i < cn_len; i++) {
		if (cn[i] == '\\' && i + 1 < cn_len)
			i++; /* as RFC 4514 writes a comma */
		uint8_t c = (uint8_t)cn[i];
		bool is_plain = c >= ' ' && c < 0x7f && strchr("%\"\\", c) == NULL;

		if (len + (is_plain ? 1 : 3) >= TLS_CALLER_NAME)
			return;
		len += (size_t)snprintf(
			out + len, TLS_CALLER_NAME - len, is_plain ? "%c" : "%%%02X", c);
	}
}

static enum outcome look_at_chain(const struct tls_files *files, gnutls_x509_crt_t *chain,
	unsigned count, struct tls_caller *out, int64_t *until)
{
	unsigned status = 0;

	if (files->crls_until != 0 && clock_unix() > files->crls_until)
		return UNAUTHENTICATED; /* nobody knows who has been revoked since */
	if (!is_vouched_for(files, chain, count, &status)) {
		log_debug("caller_not_authenticated", "verification=0x%x", status);
		return UNAUTHENTICATED;
	}
	for (unsigned i = 0; i < count; i++) {
		int64_t end = gnutls_x509_crt_get_expiration_time(chain[i]);

		*until = i == 0 || end < *until ? end : *until;
	}
	if (files->crls_until != 0 && files->crls_until < *until)
		*until = files->crls_until + 1;
	out->role = role_of(chain[0]);
	write_name(chain[0], out->role != 0 ? role_name(out->role) : "none", out->name);
	return out->role != 0 ? FINE : ROLE_NOT_PERMITTED;
}

enum outcome tls_caller_read(const struct tls_files *files, const gnutls_datum_t *chain,
	unsigned count, struct tls_caller *out, int64_t *until)
{
	gnutls_x509_crt_t certificates[CHAIN_MOST];
	enum outcome o = UNAUTHENTICATED;
	unsigned read = 0;

	*out = (struct tls_caller){ 0 };
	*until = 0;
	if (count == 0 || count > CHAIN_MOST)
		return UNAUTHENTICATED;
	while (read < count && gnutls_x509_crt_init(&certificates[read]) == 0) {
		if (gnutls_x509_crt_import(certificates[read], &chain[read], GNUTLS_X509_FMT_DER) !=
			0) {
			gnutls_x509_crt_deinit(certificates[read]);
			break;
		}
		read++;
	}
	if (read == count)
		o = look_at_chain(files, certificates, count, out, until);
	while (read > 0)
		gnutls_x509_crt_deinit(certificates[--read]);
	return o;
}

static size_t len_of_number(const gnutls_datum_t *number)
{
	unsigned zeros = 0;

	while (zeros < number->size && number->data[zeros] == 0)
		zeros++;
	return number->size - zeros;
}

/* Other kinds have curves with names, or are not spoken. */
static bool is_of_sane_size(gnutls_pubkey_t key)
{
	gnutls_datum_t modulus = { 0 }, exponent = { 0 };
	int algorithm = gnutls_pubkey_get_pk_algorithm(key, NULL);

	if (algorithm != GNUTLS_PK_RSA && algorithm != GNUTLS_PK_RSA_PSS)
		return true;
	bool sane = gnutls_pubkey_export_rsa_raw(key, &modulus, &exponent) == 0 &&
		    len_of_number(&modulus) <= MODULUS_MOST &&
		    len_of_number(&exponent) <= EXPONENT_MOST;

	gnutls_free(modulus.data);
	gnutls_free(exponent.data);
	return sane;
}

static bool has_key_of_sane_size(const gnutls_datum_t *der)
{
	gnutls_x509_crt_t crt;
	gnutls_pubkey_t key;
	bool sane = false;

	if (gnutls_x509_crt_init(&crt) != 0)
		return false;
	if (gnutls_pubkey_init(&key) == 0) {
		sane = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0 &&
		       gnutls_pubkey_import_x509(key, crt, 0) == 0 && is_of_sane_size(key);
		gnutls_pubkey_deinit(key);
	}
	gnutls_x509_crt_deinit(crt);
	return sane;
}

int tls_caller_check_key(gnutls_session_t session)
{
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);

	if (chain == NULL || count == 0 || has_key_of_sane_size(&chain[0]))
		return 0;
	log_debug("caller_not_authenticated", "reason=key_size");
	return GNUTLS_E_CERTIFICATE_ERROR;
}
