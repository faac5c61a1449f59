#include "pki/trust.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "pki/device_anchor.h"
#include "pki/issuer.h"
#include "pki/revocations.h"

struct anchor {
	uint64_t hash; /* certificate_quick_hash */
	struct issuer *issuer;
};

/* Sorted by hash. */
struct anchors {
	struct anchor *at;
	size_t count, cap;
};

struct trust {
	_Atomic size_t references;
	struct anchors anchors[TRUST_USE_COUNT]; /* but for devices */
	X509_STORE *devices;
	struct revocations revocations;
	struct freshness freshness;
	struct signers signers;
	bool stale_crls_are_open;
};

static const char *const use_names[TRUST_USE_COUNT] = {
	[TRUST_SE] = "se",
	[TRUST_DEVICE] = "device",
	[TRUST_EUICC] = "euicc",
	[TRUST_ARPF] = "arpf",
};

const char *trust_use_name(enum trust_use use)
{
	assert(use < TRUST_USE_COUNT);
	return use_names[use];
}

bool trust_use_read(const char *text, enum trust_use *use)
{
	for (unsigned i = 0; i < TRUST_USE_COUNT; i++) {
		if (strcmp(text, use_names[i]) == 0) {
			*use = (enum trust_use)i;
			return true;
		}
	}
	return false;
}

struct trust *trust_new(void)
{
	struct trust *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->devices = X509_STORE_new();
	if (t->devices == NULL) {
		free(t);
		return NULL;
	}
	atomic_init(&t->references, 1);
	return t;
}

struct trust *trust_take(struct trust *t)
{
	if (t == NULL)
		return NULL;
	atomic_fetch_add_explicit(&t->references, 1, memory_order_relaxed);
	return t;
}

void trust_give_back(struct trust *t)
{
	if (t == NULL || atomic_fetch_sub_explicit(&t->references, 1, memory_order_acq_rel) > 1)
		return;
	for (unsigned use = 0; use < TRUST_USE_COUNT; use++) {
		for (size_t i = 0; i < t->anchors[use].count; i++)
			issuer_give_back(t->anchors[use].at[i].issuer);
		free(t->anchors[use].at);
	}
	X509_STORE_free(t->devices);
	revocations_free(&t->revocations);
	freshness_free(&t->freshness);
	signers_free(&t->signers);
	free(t);
}

/* Where the first anchor of this hash is, or would be. */
static size_t lower_bound(const struct anchors *a, uint64_t hash)
{
	size_t from = 0, to = a->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (a->at[middle].hash < hash)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct issuer *trust_find_anchor(const struct trust *t, enum trust_use use, struct bytes der)
{
	const struct anchors *a = &t->anchors[use];
	uint64_t hash = certificate_quick_hash(der);

	for (size_t i = lower_bound(a, hash); i < a->count && a->at[i].hash == hash; i++)
		if (bytes_equal(a->at[i].issuer->certificate.der, der))
			return a->at[i].issuer;
	return NULL;
}

struct issuer *trust_next_anchor(
	const struct trust *t, enum trust_use use, struct bytes subject, size_t *place)
{
	const struct anchors *a = &t->anchors[use];

	while (*place < a->count) {
		struct issuer *issuer = a->at[(*place)++].issuer;

		if (subject.len == 0 || bytes_equal(issuer->certificate.subject, subject))
			return issuer;
	}
	return NULL;
}

static bool has_device_anchor(const struct trust *t, struct bytes der)
{
	STACK_OF(X509) *all = X509_STORE_get1_all_certs(t->devices);
	const unsigned char *at = der.at;
	X509 *x = der.len > 0 ? d2i_X509(NULL, &at, (long)der.len) : NULL;
	bool found = false;

	for (int i = 0; x != NULL && !found && i < sk_X509_num(all); i++)
		found = X509_cmp(sk_X509_value(all, i), x) == 0;
	X509_free(x);
	sk_X509_pop_free(all, X509_free);
	ERR_clear_error();
	return found;
}

bool trust_has_anchor(const struct trust *t, enum trust_use use, struct bytes der)
{
	return use == TRUST_DEVICE ? has_device_anchor(t, der)
				   : trust_find_anchor(t, use, der) != NULL;
}

struct x509_store_st *trust_device_store(const struct trust *t)
{
	return t->devices;
}

/* Takes the reference. */
static enum outcome insert(struct anchors *a, struct issuer *issuer)
{
	uint64_t hash = certificate_quick_hash(issuer->certificate.der);

	if (a->count == a->cap) {
		size_t cap = a->cap == 0 ? 8 : a->cap * 2;
		struct anchor *at = reallocarray(a->at, cap, sizeof(*at));

		if (at == NULL) {
			issuer_give_back(issuer);
			return NO_MEMORY;
		}
		a->at = at;
		a->cap = cap;
	}
	size_t place = lower_bound(a, hash);
	memmove(a->at + place + 1, a->at + place, (a->count - place) * sizeof(*a->at));
	a->at[place] = (struct anchor){ hash, issuer };
	a->count++;
	return FINE;
}

static enum outcome add_signer(struct trust *t, const struct issuer_id *issuer, bool is_root)
{
	struct signer *signer;
	enum outcome o = signers_add(&t->signers, issuer, &signer);

	if (o == FINE && is_root)
		signer->is_root = true;
	return o;
}

static enum outcome add_device_anchor(struct trust *t, struct bytes der)
{
	struct issuer_id issuer;
	X509 *x;
	const char *reason;
	enum outcome o = device_anchor_read(der, &x, &reason);

	if (o != FINE)
		return o;
	/* What is there already stays as it is. */
	if (X509_STORE_add_cert(t->devices, x) != 1)
		o = NO_MEMORY;
	if (o == FINE)
		o = issuer_id_of(x, &issuer);
	/* Such a signature has been verified by device_anchor_read(). */
	if (o == FINE && issuer.knows_key && X509_self_signed(x, 0) == 1)
		o = add_signer(t, &issuer, true);
	X509_free(x);
	ERR_clear_error();
	return o;
}

enum outcome trust_add_anchor(struct trust *t, enum trust_use use, struct bytes der)
{
	struct issuer *issuer;
	const char *reason;

	if (use == TRUST_DEVICE)
		return add_device_anchor(t, der);
	if (trust_find_anchor(t, use, der) != NULL)
		return FINE;
	enum outcome o = issuer_new(der, &issuer);
	if (o != FINE)
		return o;
	o = issuer_verify(issuer, &issuer->certificate, &reason);
	if (o == FINE && (!issuer->certificate.is_ca || issuer->certificate.has_name_constraints))
		o = CERTIFICATE_UNTRUSTED;
	if (o == FINE)
		o = add_signer(t, &issuer->id, true);
	if (o != FINE) {
		issuer_give_back(issuer);
		return o;
	}
	return insert(&t->anchors[use], issuer);
}

enum outcome trust_add_revocation(
	struct trust *t, const struct issuer_id *issuer, struct bytes serial)
{
	struct signer *signer;

	if (!issuer->knows_key)
		return revocations_add(&t->revocations, issuer->name, revocation_serial(serial));
	enum outcome o = signers_add(&t->signers, issuer, &signer);
	if (o != FINE)
		return o;
	signer->has_revoked = true;
	return revocations_add(&t->revocations, signer->both, revocation_serial(serial));
}

bool trust_has_revocation(
	const struct trust *t, const struct issuer_id *issuer, struct bytes serial)
{
	size_t count;
	const struct signer *s = signers_of(&t->signers, issuer->name, &count);

	serial = revocation_serial(serial);
	if (revocations_find(&t->revocations, issuer->name, serial))
		return true;
	for (size_t i = 0; i < count; i++)
		if (s[i].has_revoked && signers_speaks_for(&t->signers, &s[i].id, issuer) &&
			revocations_find(&t->revocations, s[i].both, serial))
			return true;
	return false;
}

enum outcome trust_add_crl(struct trust *t, const struct fresh_crl *crl, bool is_root)
{
	enum outcome o = crl->by.knows_key ? add_signer(t, &crl->by, is_root) : FINE;

	return o == FINE ? freshness_add(&t->freshness, crl) : o;
}

void trust_set_stale_crls_open(struct trust *t, bool is_open)
{
	t->stale_crls_are_open = is_open;
}

enum outcome trust_check_revocation(const struct trust *t, const struct issuer_id *issuer,
	struct bytes serial, int64_t now, const char **reason)
{
	*reason = "revoked";
	if (trust_has_revocation(t, issuer, serial))
		return CERTIFICATE_REVOKED;
	*reason = "the issuer's CRL is out of date";
	return !t->stale_crls_are_open && freshness_is_over(&t->freshness, &t->signers, issuer, now)
		       ? CERTIFICATE_UNTRUSTED
		       : FINE;
}

void trust_count_crls(const struct trust *t, int64_t now, struct crl_figures *out)
{
	freshness_count(&t->freshness, &t->signers, now, out);
}

struct bytes revocation_serial(struct bytes serial)
{
	while (serial.len > 1 && serial.at[0] == 0)
		serial = bytes_of(serial.at + 1, serial.len - 1);
	return serial;
}
