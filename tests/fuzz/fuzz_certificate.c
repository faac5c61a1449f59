/* What certificate_read accepts OpenSSL accepts too, and reads the same in it. */
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#include "pki/name_constraints.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool same_name(const X509_NAME *name, struct bytes read)
{
	const unsigned char *der;
	size_t len;

	return X509_NAME_get0_der(name, &der, &len) == 1 && bytes_equal(bytes_of(der, len), read);
}

static bool same_time(const ASN1_TIME *time, int64_t read)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 && timegm(&tm) == read;
}

static bool same_serial(X509 *x, struct bytes read)
{
	unsigned char der[32], *at = der;
	int len = i2d_ASN1_INTEGER(X509_get_serialNumber(x), NULL);

	if (len < 3 || (size_t)len > sizeof(der))
		return false;
	i2d_ASN1_INTEGER(X509_get_serialNumber(x), &at);
	return bytes_equal(bytes_of(der + 2, (size_t)len - 2), read);
}

/* Where OpenSSL can make nothing of some extension that decides nothing here, it has no opinion. */
static bool same_extensions(X509 *x, const struct certificate *c)
{
	uint32_t flags = X509_get_extension_flags(x), usage = X509_get_key_usage(x);

	if ((flags & EXFLAG_INVALID) != 0)
		return true;
	if (c->has_key_usage != ((flags & EXFLAG_KUSAGE) != 0) ||
		c->is_ca != ((flags & EXFLAG_CA) != 0))
		return false;
	return !c->has_key_usage || (((c->key_usage & KEY_USAGE_DIGITAL_SIGNATURE) != 0) ==
						    ((usage & KU_DIGITAL_SIGNATURE) != 0) &&
					    ((c->key_usage & KEY_USAGE_KEY_CERT_SIGN) != 0) ==
						    ((usage & KU_KEY_CERT_SIGN) != 0));
}

static bool same_text(const X509_NAME *name, int kind, struct bytes read)
{
	int at = X509_NAME_get_index_by_NID(name, kind, -1);
	const ASN1_STRING *text =
		at >= 0 ? X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)) : NULL;

	if (text == NULL)
		return read.len == 0;
	return X509_NAME_get_index_by_NID(name, kind, at) < 0 &&
	       bytes_equal(bytes_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)),
		       read);
}

static bool same_subtree(const GENERAL_SUBTREE *subtree, const struct permitted_name *read)
{
	if (subtree->base->type != GEN_DIRNAME || subtree->minimum != NULL ||
		subtree->maximum != NULL)
		return false;
	const X509_NAME *name = subtree->base->d.directoryName;

	return X509_NAME_entry_count(name) ==
		       (read->organization.len > 0) + (read->serial_number.len > 0) &&
	       same_text(name, NID_organizationName, read->organization) &&
	       same_text(name, NID_serialNumber, read->serial_number);
}

/* Constraints are never overlooked, and permit no more than OpenSSL reads in them. */
static bool same_constraints(X509 *x, const struct certificate *c)
{
	int critical;
	NAME_CONSTRAINTS *n = X509_get_ext_d2i(x, NID_name_constraints, &critical, NULL);
	struct bytes rest = c->permitted_names;
	struct permitted_name name;

	if (n == NULL)
		return critical == -1 &&
		       rest.len == 0; /* there is none, or one that it cannot read */
	bool is_same = c->has_name_constraints && n->excludedSubtrees == NULL;
	for (int i = 0; is_same && i < sk_GENERAL_SUBTREE_num(n->permittedSubtrees); i++)
		is_same = permitted_name_take(&rest, &name) &&
			  same_subtree(sk_GENERAL_SUBTREE_value(n->permittedSubtrees, i), &name);
	NAME_CONSTRAINTS_free(n);
	return is_same && rest.len == 0;
}

/* Each list that was read is read again to its end, and permits what is in it. */
static void apply_constraints(const struct certificate *c)
{
	struct bytes rest = c->permitted_names;
	struct permitted_name name;

	while (rest.len > 0) {
		must(permitted_name_take(&rest, &name));
		must(c->permitted_eins.len > 0 ||
			certificate_permits(c, name.organization, name.serial_number));
	}
	must(c->has_name_constraints == (c->permitted_names.len + c->permitted_eins.len > 0));
	must(!c->has_name_constraints ||
		!certificate_permits(c, bytes_of(NULL, 0), bytes_of(NULL, 0)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *end = data;
	struct certificate c;

	if (certificate_read(bytes_of(data, size), &c) != FINE)
		return 0;
	X509 *x = d2i_X509(NULL, &end, (long)size);
	must(x != NULL && end == data + size && X509_get_version(x) == X509_VERSION_3);
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(x);
	must(bytes_equal(bytes_of(key->data, (size_t)key->length), c.public_key));
	must(same_serial(x, c.serial));
	must(same_name(X509_get_subject_name(x), c.subject));
	must(same_name(X509_get_issuer_name(x), c.issuer));
	must(same_time(X509_get0_notBefore(x), c.not_before));
	must(same_time(X509_get0_notAfter(x), c.not_after));
	must(same_extensions(x, &c));
	must(same_constraints(x, &c));
	apply_constraints(&c);
	X509_free(x);
	return 0;
}
