#include "device/certificate_maker.h"

#include <openssl/rand.h>

#include "crypto/kdf.h"
#include "device/der_writer.h"
#include "pki/certificate.h"

#define SERIAL_LEN 16
#define KEY_ID_LEN 20

/* Object identifiers, content only */
static const uint8_t oid_common_name[] = { 0x55, 4, 3 };
static const uint8_t oid_serial_number[] = { 0x55, 4, 5 };
static const uint8_t oid_organization[] = { 0x55, 4, 10 };
static const uint8_t oid_organizational_unit[] = { 0x55, 4, 11 };
static const uint8_t oid_subject_key_id[] = { 0x55, 0x1d, 14 };
static const uint8_t oid_key_usage[] = { 0x55, 0x1d, 15 };
static const uint8_t oid_basic_constraints[] = { 0x55, 0x1d, 19 };
static const uint8_t oid_name_constraints[] = { 0x55, 0x1d, 30 };
static const uint8_t oid_certificate_policies[] = { 0x55, 0x1d, 32 };
static const uint8_t oid_authority_key_id[] = { 0x55, 0x1d, 35 };
/* 2.23.146.1.2.1.1 and 2.23.146.1.2.1.2: the roles of SGP.22 clause 4.5.2.1.1 */
static const uint8_t oid_role_euicc[] = { 0x67, 0x81, 0x12, 1, 2, 1, 1 };
static const uint8_t oid_role_eum[] = { 0x67, 0x81, 0x12, 1, 2, 1, 2 };
/* SEQUENCE { ecdsa-with-SHA256 }, RFC 5758 section 3.2 */
static const uint8_t ecdsa_with_sha256[] = { 0x30, 0x0a, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4,
	3, 2 };
/* SEQUENCE { id-ecPublicKey, prime256v1 }, RFC 5480 section 2.1 */
static const uint8_t ec_public_key_p256[] = { 0x30, 0x13, 0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2,
	1, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };

/* Each NULL where it is not in a name. */
struct name {
	const char *common_name, *serial_number, *organization, *organizational_unit;
};

/* KeyUsage: one byte of unused bits, then the bits (RFC 5280 section 4.2.1.3). */
#define USAGE_ISSUES   bytes_of("\x01\x06", 2) /* keyCertSign, cRLSign */
#define USAGE_SIGNS    bytes_of("\x07\x80", 2) /* digitalSignature */
#define USAGE_AGREES   bytes_of("\x03\x88", 2) /* digitalSignature, keyAgreement */
#define USAGE_DECRYPTS bytes_of("\x05\xa0", 2) /* digitalSignature, keyEncipherment */

struct recipe {
	const struct authority *issuer;
	struct name issuer_name, subject;
	struct bytes public_key; /* a point of P-256, or a SubjectPublicKeyInfo */
	struct bytes usage;
	const struct validity *validity;
	bool is_ca;
	int path_length;       /* -1: none */
	struct bytes role;     /* of SGP.22; empty: none */
	struct name permitted; /* for the certificates below; all NULL: any */
};

static struct name name_of(const struct authority *a)
{
	return (struct name){ .common_name = a->name,
		.organization = a->organization[0] != '\0' ? a->organization : NULL };
}

static void put_attribute(struct der_writer *w, struct bytes oid, uint8_t kind, const char *text)
{
	size_t set = der_open(w);

	der_put(w, kind, bytes_of_text(text));
	der_put(w, DER_OID, oid);
	der_close(w, DER_SEQUENCE, set);
	der_close(w, DER_SET, set);
}

static void put_text(struct der_writer *w, struct bytes oid, const char *text)
{
	if (text != NULL)
		put_attribute(w, oid, DER_UTF8_STRING, text);
}

static void put_name(struct der_writer *w, const struct name *n)
{
	size_t end = der_open(w);

	/* X.520 has it a PrintableString, in which there is no '_'. */
	if (n->serial_number != NULL)
		put_attribute(w, BYTES(oid_serial_number),
			strchr(n->serial_number, '_') == NULL ? DER_PRINTABLE_STRING
							      : DER_UTF8_STRING,
			n->serial_number);
	put_text(w, BYTES(oid_organizational_unit), n->organizational_unit);
	put_text(w, BYTES(oid_organization), n->organization);
	put_text(w, BYTES(oid_common_name), n->common_name);
	der_close(w, DER_SEQUENCE, end);
}

/* RFC 5280 section 4.2.1.2 (1) hashes the point with SHA-1; any other unique value will do. */
static enum outcome key_id_of(struct bytes key, uint8_t id[KEY_ID_LEN])
{
	uint8_t hash[SHA256_LEN];
	enum outcome o = sha256(&key, 1, hash);

	memcpy(id, hash, KEY_ID_LEN);
	return o;
}

/* What is between `end` and the front is the extension's value. */
static void close_extension(struct der_writer *w, size_t end, struct bytes oid, bool critical)
{
	der_close(w, DER_OCTET_STRING, end);
	if (critical)
		der_put(w, DER_BOOLEAN, bytes_of("\xff", 1));
	der_put(w, DER_OID, oid);
	der_close(w, DER_SEQUENCE, end);
}

static void put_basic_constraints(struct der_writer *w, const struct recipe *r)
{
	size_t end = der_open(w);
	uint8_t length = (uint8_t)r->path_length;

	if (r->is_ca && r->path_length >= 0)
		der_put_integer(w, bytes_of(&length, 1));
	if (r->is_ca)
		der_put(w, DER_BOOLEAN, bytes_of("\xff", 1));
	der_close(w, DER_SEQUENCE, end);
	close_extension(w, end, BYTES(oid_basic_constraints), true);
}

/* The one tree of names that the certificates below may be in (RFC 5280 section 4.2.1.10). */
static void put_name_constraints(struct der_writer *w, const struct recipe *r)
{
	size_t end = der_open(w);

	put_name(w, &r->permitted);
	der_close(w, DER_CONTEXT_CONSTRUCTED | 4, end); /* GeneralName: directoryName */
	der_close(w, DER_SEQUENCE, end);
	der_close(w, DER_CONTEXT_CONSTRUCTED | 0, end); /* permittedSubtrees */
	der_close(w, DER_SEQUENCE, end);
	close_extension(w, end, BYTES(oid_name_constraints), true);
}

static void put_policies(struct der_writer *w, const struct recipe *r)
{
	size_t end = der_open(w);

	der_put(w, DER_OID, r->role);
	der_close(w, DER_SEQUENCE, end);
	der_close(w, DER_SEQUENCE, end);
	close_extension(w, end, BYTES(oid_certificate_policies), true);
}

static void put_extensions(struct der_writer *w, const struct recipe *r,
	const uint8_t own_id[KEY_ID_LEN], const uint8_t issuer_id[KEY_ID_LEN])
{
	size_t all = der_open(w), end = all;

	if (r->permitted.organization != NULL)
		put_name_constraints(w, r);
	if (r->role.len > 0)
		put_policies(w, r);
	end = der_open(w);
	der_put(w, DER_CONTEXT | 0, bytes_of(issuer_id, KEY_ID_LEN));
	der_close(w, DER_SEQUENCE, end);
	close_extension(w, end, BYTES(oid_authority_key_id), false);
	end = der_open(w);
	der_put(w, DER_OCTET_STRING, bytes_of(own_id, KEY_ID_LEN));
	close_extension(w, end, BYTES(oid_subject_key_id), false);
	end = der_open(w);
	der_put(w, DER_BIT_STRING, r->usage);
	close_extension(w, end, BYTES(oid_key_usage), true);
	put_basic_constraints(w, r);
	der_close(w, DER_SEQUENCE, all);
	der_close(w, DER_CONTEXT_CONSTRUCTED | 3, all);
}

static void put_public_key(struct der_writer *w, struct bytes key)
{
	size_t end = der_open(w);

	if (key.len != P256_POINT_LEN) {
		der_put_raw(w, key);
		return;
	}
	der_put_bits(w, key);
	der_put_raw(w, BYTES(ec_public_key_p256));
	der_close(w, DER_SEQUENCE, end);
}

static enum outcome put_tbs(struct der_writer *w, const struct recipe *r)
{
	uint8_t own_id[KEY_ID_LEN], issuer_id[KEY_ID_LEN], serial[SERIAL_LEN];
	enum outcome o = key_id_of(r->public_key, own_id);

	if (o == FINE)
		o = key_id_of(BYTES(r->issuer->point), issuer_id);
	if (o != FINE)
		return o;
	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return BROKEN;
	serial[0] = (serial[0] & 0x3f) | 0x40; /* positive, and of the same length each time */

	size_t end = der_open(w);

	put_extensions(w, r, own_id, issuer_id);
	put_public_key(w, r->public_key);
	put_name(w, &r->subject);
	size_t validity = der_open(w);
	der_put_time(w, r->validity->not_after);
	der_put_time(w, r->validity->not_before);
	der_close(w, DER_SEQUENCE, validity);
	put_name(w, &r->issuer_name);
	der_put_raw(w, BYTES(ecdsa_with_sha256));
	der_put_integer(w, BYTES(serial));
	size_t version = der_open(w);
	der_put_integer(w, bytes_of("\x02", 1)); /* v3 */
	der_close(w, DER_CONTEXT_CONSTRUCTED | 0, version);
	der_close(w, DER_SEQUENCE, end);
	return FINE;
}

static enum outcome make(const struct recipe *r, uint8_t *out, size_t cap, size_t *len)
{
	uint8_t tbs_room[DEVICE_CERTIFICATE_MAX], room[DEVICE_CERTIFICATE_MAX];
	uint8_t digest[SHA256_LEN], signature[P256_SIGNATURE_LEN], der_signature[72];
	struct der_writer inner = der_start(tbs_room, sizeof(tbs_room));
	struct der_writer w = der_start(room, sizeof(room));
	struct bytes tbs, whole;
	enum outcome o = put_tbs(&inner, r);

	if (o == FINE && !der_end(&inner, &tbs))
		o = INVALID_PARAMETER;
	if (o == FINE)
		o = sha256(&tbs, 1, digest);
	if (o == FINE)
		o = p256_sign(r->issuer->scalar, digest, signature);
	if (o != FINE)
		return o;
	size_t end = der_open(&w);

	der_put_bits(&w, bytes_of(der_signature, p256_signature_to_der(signature, der_signature)));
	der_put_raw(&w, BYTES(ecdsa_with_sha256));
	der_put_raw(&w, tbs);
	der_close(&w, DER_SEQUENCE, end);
	if (!der_end(&w, &whole) || whole.len > cap)
		return INVALID_PARAMETER;
	memcpy(out, whole.at, whole.len);
	*len = whole.len;
	return FINE;
}

/* The name and a fresh key; the certificate is still to be made. */
static enum outcome begin_authority(struct authority *a, const char *name, const char *organization)
{
	size_t len = strlen(name), organization_len = strlen(organization);

	if (len == 0 || len > AUTHORITY_NAME_MAX || organization_len > AUTHORITY_NAME_MAX)
		return INVALID_PARAMETER;
	memcpy(a->name, name, len + 1);
	memcpy(a->organization, organization, organization_len + 1);
	return p256_generate(a->scalar, a->point);
}

static enum outcome make_authority(struct authority *a, const struct authority *issuer,
	const char *name, const struct validity *validity, int path_length)
{
	enum outcome o = begin_authority(a, name, "");

	if (o != FINE)
		return o;
	return make(&(struct recipe){ .issuer = issuer,
			    .issuer_name = name_of(issuer),
			    .subject = name_of(a),
			    .public_key = BYTES(a->point),
			    .usage = USAGE_ISSUES,
			    .validity = validity,
			    .is_ca = true,
			    .path_length = path_length },
		a->certificate, sizeof(a->certificate), &a->certificate_len);
}

enum outcome authority_make_root(
	struct authority *ci, const char *name, const struct validity *validity)
{
	return make_authority(ci, ci, name, validity, -1);
}

enum outcome authority_make_part_number(struct authority *pn, const struct authority *ci,
	const char *name, const struct validity *validity)
{
	return make_authority(pn, ci, name, validity, 0);
}

enum outcome authority_make_eum(struct authority *eum, const struct authority *ci,
	const struct eum_subject *subject, const struct validity *validity)
{
	enum outcome o = begin_authority(eum, subject->name, subject->organization);

	if (o != FINE)
		return o;
	return make(&(struct recipe){ .issuer = ci,
			    .issuer_name = name_of(ci),
			    .subject = name_of(eum),
			    .public_key = BYTES(eum->point),
			    .usage = USAGE_ISSUES,
			    .validity = validity,
			    .is_ca = true,
			    .path_length = 0,
			    .role = BYTES(oid_role_eum),
			    .permitted = { .organization = eum->organization,
				    .serial_number = subject->ein } },
		eum->certificate, sizeof(eum->certificate), &eum->certificate_len);
}

/* The CN of a Name that this file has written: its first attribute. */
static bool read_common_name(struct bytes name, char out[AUTHORITY_NAME_MAX + 1])
{
	struct bytes names, set, attribute, oid, text;

	if (!der_take(&name, DER_SEQUENCE, &names) || !der_take(&names, DER_SET, &set) ||
		!der_take(&set, DER_SEQUENCE, &attribute) || !der_take_oid(&attribute, &oid) ||
		!bytes_equal(oid, BYTES(oid_common_name)) ||
		!der_take(&attribute, DER_UTF8_STRING, &text) || text.len > AUTHORITY_NAME_MAX)
		return false;
	memcpy(out, text.at, text.len);
	out[text.len] = '\0';
	return true;
}

enum outcome authority_restore(
	struct authority *a, struct bytes certificate, const uint8_t scalar[P256_SCALAR_LEN])
{
	struct certificate c;
	enum outcome o = certificate_read(certificate, &c);

	if (o != FINE)
		return o;
	if (certificate.len > CERTIFICATE_MAX || !read_common_name(c.subject, a->name) ||
		c.organization.len > AUTHORITY_NAME_MAX)
		return CERTIFICATE_UNTRUSTED;
	if (c.organization.len > 0)
		memcpy(a->organization, c.organization.at, c.organization.len);
	a->organization[c.organization.len] = '\0';
	memcpy(a->scalar, scalar, sizeof(a->scalar));
	o = p256_public_of(scalar, a->point);
	if (o != FINE)
		return o;
	if (!bytes_equal(c.public_key, BYTES(a->point)))
		return CERTIFICATE_UNTRUSTED;
	memcpy(a->certificate, certificate.at, certificate.len);
	a->certificate_len = certificate.len;
	return FINE;
}

enum outcome certificate_make_se(const struct authority *pn, const uint8_t point[P256_POINT_LEN],
	const char *se_id, const struct validity *validity, uint8_t out[CERTIFICATE_MAX],
	size_t *len)
{
	if (!device_id_is_valid(bytes_of_text(se_id)))
		return INVALID_PARAMETER;
	return make(&(struct recipe){ .issuer = pn,
			    .issuer_name = name_of(pn),
			    .subject = { .common_name = "Secure element", .serial_number = se_id },
			    .public_key = bytes_of(point, P256_POINT_LEN),
			    .usage = USAGE_SIGNS,
			    .validity = validity,
			    .path_length = -1 },
		out, CERTIFICATE_MAX, len);
}

enum outcome certificate_make_device(const struct authority *ca, struct bytes public_key,
	const struct device_subject *subject, const struct validity *validity,
	uint8_t out[DEVICE_CERTIFICATE_MAX], size_t *len)
{
	if (!device_id_is_valid(bytes_of_text(subject->device_id)))
		return INVALID_PARAMETER;
	return make(
		&(struct recipe){ .issuer = ca,
			.issuer_name = name_of(ca),
			.subject = { .common_name = "Headless device",
				.serial_number = subject->device_id,
				.organization = subject->manufacturer,
				.organizational_unit = subject->model },
			.public_key = public_key,
			.usage = public_key.len == P256_POINT_LEN ? USAGE_AGREES : USAGE_DECRYPTS,
			.validity = validity,
			.path_length = -1 },
		out, DEVICE_CERTIFICATE_MAX, len);
}

enum outcome certificate_make_euicc(const struct authority *eum,
	const uint8_t point[P256_POINT_LEN], const char *eid, const struct validity *validity,
	uint8_t out[CERTIFICATE_MAX], size_t *len)
{
	if (!device_id_is_valid(bytes_of_text(eid)))
		return INVALID_PARAMETER;
	return make(&(struct recipe){ .issuer = eum,
			    .issuer_name = name_of(eum),
			    .subject = { .common_name = "eUICC",
				    .organization = eum->organization,
				    .serial_number = eid },
			    .public_key = bytes_of(point, P256_POINT_LEN),
			    .usage = USAGE_SIGNS,
			    .validity = validity,
			    .path_length = -1,
			    .role = BYTES(oid_role_euicc) },
		out, CERTIFICATE_MAX, len);
}
