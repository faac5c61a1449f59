#include "pki/crl.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/kdf.h"
#include "pki/der.h"
#include "pki/issuer.h"
#include "pki/pem.h"

struct crl {
	X509_CRL *crl;
	STACK_OF(X509_REVOKED) * revoked; /* NULL: it is empty */
	struct crl_said said;
};

static bool is_der(struct bytes content)
{
	struct bytes inner;

	return der_take(&content, DER_SEQUENCE, &inner) && content.len == 0;
}

enum outcome crl_to_der(struct bytes content, uint8_t **der, size_t *len, const char **reason)
{
	bool is_whole = is_der(content);
	enum outcome o = FINE;

	*der = NULL;
	*len = content.len;
	*reason = "A CRL of more than 6,000,000 bytes is not taken.";
	if (content.len > (is_whole ? CRL_MAX : CRL_FILE_MAX))
		return PAYLOAD_TOO_LARGE;
	uint8_t *out = malloc(content.len > 0 ? content.len : 1);
	if (out == NULL)
		return NO_MEMORY;
	if (is_whole)
		memcpy(out, content.at, content.len);
	else
		o = pem_take(&content, "X509 CRL", out, content.len, len);
	if (o == FINE && *len > CRL_MAX)
		o = PAYLOAD_TOO_LARGE;
	if (o == FINE) {
		*der = out;
		return FINE;
	}
	free(out);
	if (o != NO_ROW && o != INVALID_PARAMETER)
		return o;
	*reason = "This is no CRL, in DER or PEM.";
	return INVALID_PARAMETER;
}

static X509_CRL *decode(const uint8_t *der, size_t len)
{
	const unsigned char *end = der;
	X509_CRL *crl = d2i_X509_CRL(NULL, &end, (long)len);

	if (crl != NULL && end == der + len)
		return crl;
	X509_CRL_free(crl);
	return NULL;
}

static bool read_time(const ASN1_TIME *time, int64_t *out)
{
	struct tm tm;

	if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	*out = timegm(&tm);
	return true;
}

/* A serial or CRL number; false: negative, or longer than it may be. */
static bool write_number(const ASN1_INTEGER *n, uint8_t out[CRL_SERIAL_LEN])
{
	const uint8_t *at = ASN1_STRING_get0_data(n);
	size_t len = (size_t)ASN1_STRING_length(n);

	if (ASN1_STRING_type(n) == V_ASN1_NEG_INTEGER || len > CRL_SERIAL_LEN)
		return false;
	memset(out, 0, CRL_SERIAL_LEN - len);
	if (len > 0)
		memcpy(out + CRL_SERIAL_LEN - len, at, len);
	return true;
}

static bool read_crl_number(struct crl *c)
{
	uint8_t padded[CRL_SERIAL_LEN];
	int critical;
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(c->crl, NID_crl_number, &critical, NULL);

	if (number == NULL)
		return critical == -1; /* there is none */
	bool is_good = write_number(number, padded);
	ASN1_INTEGER_free(number);
	if (!is_good)
		return false;
	struct bytes shortest = revocation_serial(BYTES(padded));
	memcpy(c->said.number, shortest.at, shortest.len);
	c->said.number_len = shortest.len;
	return true;
}

/* The issuing distribution point: which part of the issuer's certificates the CRL is about. */
static bool read_scope(struct crl *c)
{
	int critical;
	ISSUING_DIST_POINT *point =
		X509_CRL_get_ext_d2i(c->crl, NID_issuing_distribution_point, &critical, NULL);

	if (point == NULL)
		return critical == -1;
	bool is_good = point->indirectCRL <= 0 && point->onlyattr <= 0;
	ISSUING_DIST_POINT_free(point);
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_CRL_get_ext(
		c->crl, X509_CRL_get_ext_by_NID(c->crl, NID_issuing_distribution_point, -1)));
	struct bytes der =
		bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
	c->said.has_scope = true;
	return is_good && sha256(&der, 1, c->said.scope) == FINE;
}

static bool has_unknown_extension(const X509_CRL *crl)
{
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		X509_EXTENSION *e = X509_CRL_get_ext(crl, i);

		if (X509_EXTENSION_get_critical(e) &&
			OBJ_obj2nid(X509_EXTENSION_get_object(e)) != NID_issuing_distribution_point)
			return true;
	}
	return false;
}

/* An entry of another issuer says so by a critical extension; one that is not critical would be wrong. */
static const char *find_entry_fault(const struct crl *c)
{
	uint8_t serial[CRL_SERIAL_LEN];

	for (size_t i = 0; i < c->said.entries; i++) {
		const X509_REVOKED *r = sk_X509_REVOKED_value(c->revoked, (int)i);

		if (X509_REVOKED_get_ext_by_critical(r, 1, -1) >= 0 ||
			X509_REVOKED_get_ext_by_NID(r, NID_certificate_issuer, -1) >= 0)
			return "The CRL has entries of other issuers, or critical extensions that "
			       "are not understood.";
		if (!write_number(X509_REVOKED_get0_serialNumber(r), serial))
			return "The CRL has a serial number that is negative or of more than 20 "
			       "bytes.";
	}
	return NULL;
}

/* NULL: it can be used. */
static const char *read_parts(struct crl *c)
{
	c->revoked = X509_CRL_get_REVOKED(c->crl);
	int count = sk_X509_REVOKED_num(c->revoked);

	c->said.entries = count > 0 ? (size_t)count : 0;
	if (X509_CRL_get_ext_by_NID(c->crl, NID_delta_crl, -1) >= 0)
		return "This is a delta CRL; a whole one is needed.";
	if (has_unknown_extension(c->crl))
		return "The CRL has a critical extension that is not understood.";
	if (!read_scope(c))
		return "The CRL is an indirect one, or about attribute certificates.";
	if (!read_crl_number(c))
		return "The CRL number is not one of at most 20 bytes.";
	if (!read_time(X509_CRL_get0_lastUpdate(c->crl), &c->said.this_update) ||
		!read_time(X509_CRL_get0_nextUpdate(c->crl), &c->said.next_update))
		return "The CRL has no thisUpdate and nextUpdate (RFC 5280), so that nobody could "
		       "tell how long it is good.";
	return find_entry_fault(c);
}

enum outcome crl_read(struct bytes content, struct crl **out, const char **reason)
{
	uint8_t *der;
	size_t len;
	enum outcome o = crl_to_der(content, &der, &len, reason);

	*out = NULL;
	ERR_clear_error();
	if (o != FINE)
		return o;
	struct crl *c = calloc(1, sizeof(*c));
	if (c == NULL) {
		free(der);
		return NO_MEMORY;
	}
	c->crl = decode(der, len);
	free(der);
	*reason = c->crl == NULL ? "This is no CRL, in DER or PEM." : read_parts(c);
	ERR_clear_error();
	if (*reason != NULL) {
		crl_free(c);
		return INVALID_PARAMETER;
	}
	*out = c;
	return FINE;
}

void crl_free(struct crl *crl)
{
	if (crl == NULL)
		return;
	X509_CRL_free(crl->crl);
	free(crl);
}

static bool is_strongly_signed(const X509_CRL *crl)
{
	int digest = NID_undef;

	return OBJ_find_sigid_algs(X509_CRL_get_signature_nid(crl), &digest, NULL) == 1 &&
	       (digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512);
}

static enum outcome name_issuer(X509 *x, struct crl_issuer *issuer)
{
	const unsigned char *name;
	size_t len;

	if (X509_NAME_get0_der(X509_get_subject_name(x), &name, &len) != 1)
		return BROKEN;
	certificate_subject_text(bytes_of(name, len), issuer->name, sizeof(issuer->name));
	enum outcome o = issuer_id_of(x, &issuer->id);

	issuer->is_root = o == FINE && issuer->id.knows_key && X509_self_signed(x, 1) == 1;
	return o;
}

static bool has_issuer_name(const struct crl *crl, X509 *x)
{
	return X509_NAME_cmp(X509_get_subject_name(x), X509_CRL_get_issuer(crl->crl)) == 0;
}

static enum outcome check_x509(
	const struct crl *crl, X509 *x, struct crl_issuer *issuer, const char **reason)
{
	*reason = "The CRL is of another issuer than this certificate's subject.";
	if (!has_issuer_name(crl, x))
		return CERTIFICATE_UNTRUSTED;
	/* UINT32_MAX where there is no key usage (RFC 5280 section 6.3.3 (f)). */
	*reason = "The issuer's certificate is not that of a CA that signs CRLs.";
	if (X509_check_ca(x) == 0 || (X509_get_key_usage(x) & KU_CRL_SIGN) == 0)
		return CERTIFICATE_UNTRUSTED;
	*reason = "The CRL is not signed with SHA-256, SHA-384 or SHA-512.";
	if (!is_strongly_signed(crl->crl))
		return SIGNATURE_INVALID;
	*reason = "The CRL's signature is not by its issuer's key.";
	if (X509_CRL_verify(crl->crl, X509_get0_pubkey(x)) != 1)
		return SIGNATURE_INVALID;
	return name_issuer(x, issuer);
}

enum outcome crl_check_issuer(
	const struct crl *crl, struct bytes der, struct crl_issuer *issuer, const char **reason)
{
	const unsigned char *end = der.at;
	X509 *x = der.len > 0 ? d2i_X509(NULL, &end, (long)der.len) : NULL;
	enum outcome o = INVALID_PARAMETER;

	*reason = "This is no X.509 certificate in DER.";
	if (x != NULL && end == der.at + der.len)
		o = check_x509(crl, x, issuer, reason);
	X509_free(x);
	ERR_clear_error();
	return o;
}

/* A search among anchors: what stands against one of the right name says more than another name. */
struct search {
	const struct crl *crl;
	struct crl_issuer *issuer;
	const char **reason;
	enum outcome outcome;
};

static bool try_anchor(struct search *s, X509 *x)
{
	if (x == NULL || !has_issuer_name(s->crl, x))
		return false;
	s->outcome = check_x509(s->crl, x, s->issuer, s->reason);
	return s->outcome == FINE;
}

static bool try_anchors(struct search *s, const struct trust *trust, enum trust_use use)
{
	static const struct bytes any = {};
	const struct issuer *anchor;
	bool is_found = false;
	size_t place = 0;

	while (!is_found && (anchor = trust_next_anchor(trust, use, any, &place)) != NULL) {
		const unsigned char *der = anchor->certificate.der.at;
		X509 *x = d2i_X509(NULL, &der, (long)anchor->certificate.der.len);

		is_found = try_anchor(s, x);
		X509_free(x);
	}
	return is_found;
}

static bool try_device_anchors(struct search *s, const struct trust *trust)
{
	STACK_OF(X509) *all = X509_STORE_get1_all_certs(trust_device_store(trust));
	bool is_found = false;

	for (int i = 0; !is_found && i < sk_X509_num(all); i++)
		is_found = try_anchor(s, sk_X509_value(all, i));
	sk_X509_pop_free(all, X509_free);
	return is_found;
}

enum outcome crl_find_issuer(const struct crl *crl, const struct trust *trust,
	struct crl_issuer *issuer, const char **reason)
{
	struct search s = { crl, issuer, reason, CERTIFICATE_UNTRUSTED };
	bool is_found = false;

	*reason = "No trust anchor is the CRL's issuer; its certificate has to be given.";
	for (unsigned use = 0; !is_found && use < TRUST_USE_COUNT; use++)
		is_found = use == TRUST_DEVICE ? try_device_anchors(&s, trust)
					       : try_anchors(&s, trust, (enum trust_use)use);
	ERR_clear_error();
	return s.outcome;
}

const struct crl_said *crl_said(const struct crl *crl)
{
	return &crl->said;
}

enum outcome crl_check_dates(const struct crl *crl, int64_t now, const char **reason)
{
	*reason = "The CRL's thisUpdate is in the future.";
	if (now < crl->said.this_update)
		return CERTIFICATE_EXPIRED;
	*reason = "The CRL is past its nextUpdate.";
	return now > crl->said.next_update ? CERTIFICATE_EXPIRED : FINE;
}

void crl_write_serials(const struct crl *crl, uint8_t *out)
{
	for (size_t i = 0; i < crl->said.entries; i++) {
		const X509_REVOKED *r = sk_X509_REVOKED_value(crl->revoked, (int)i);

		(void)!write_number(X509_REVOKED_get0_serialNumber(r), out + i * CRL_SERIAL_LEN);
	}
}
