#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/dh_ffdhe.h"

#include <openssl/dh.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>
#include <pthread.h>

#include "base/secret.h"
#include "crypto/dh_comb.h"
#include "crypto/jacobi.h"
#include "crypto/scratch.h"

/* Made once, never freed, and then never changed: any thread. */
struct field {
	int nid;
	size_t exponent_len; /* bytes: twice the group's strength (RFC 7919 appendix A) and more */
	size_t len;          /* of p */
	BIGNUM *p, *p_less_one;
	uint64_t p_words[JACOBI_WORDS_MAX];
	BN_MONT_CTX *mont;
	struct comb powers_of_g;
};

static struct field fields[] = {
	[DH_FFDHE2048] = { .nid = NID_ffdhe2048, .exponent_len = 32 },
	[DH_FFDHE3072] = { .nid = NID_ffdhe3072, .exponent_len = 40 },
};
static bool ready;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool write_words(const BIGNUM *number, uint64_t *words, size_t len)
{
	return BN_bn2nativepad(number, (uint8_t *)words, (int)len) == (int)len;
}

static bool make_field(struct field *f)
{
	DH *dh = DH_new_by_nid(f->nid);
	BN_CTX *numbers = BN_CTX_new();

	f->p = dh != NULL ? BN_dup(DH_get0_p(dh)) : NULL;
	f->p_less_one = BN_new();
	f->mont = BN_MONT_CTX_new();
	bool made = f->p != NULL && f->p_less_one != NULL && f->mont != NULL && numbers != NULL;

	if (made) {
		f->len = (size_t)BN_num_bytes(f->p);
		made = f->len <= DH_ELEMENT_MAX && write_words(f->p, f->p_words, f->len) &&
		       BN_sub(f->p_less_one, f->p, BN_value_one()) == 1 &&
		       BN_MONT_CTX_set(f->mont, f->p, numbers) == 1 &&
		       comb_make(&f->powers_of_g, DH_get0_g(dh), f->p, f->mont, f->exponent_len);
	}
	BN_CTX_free(numbers);
	DH_free(dh);
	return made;
}

static void start(void)
{
	ready = make_field(&fields[DH_FFDHE2048]) && make_field(&fields[DH_FFDHE3072]);
}

static const struct field *field_of(enum dh_group group)
{
	pthread_once(&once, start);
	return ready ? &fields[group] : NULL;
}

enum outcome ffdhe_generate(enum dh_group group, uint8_t secret[DH_SECRET_MAX], uint8_t *element)
{
	const struct field *f = field_of(group);

	if (f == NULL)
		return scratch_failed(NO_MEMORY);
	BN_CTX *numbers = BN_CTX_new();
	BIGNUM *power = BN_new();
	bool made = numbers != NULL && power != NULL &&
		    RAND_priv_bytes(secret, (int)f->exponent_len) == 1;

	if (made) {
		secret[0] |= 0x80; /* never 0, and of one length */
		made = comb_power(&f->powers_of_g, secret, power, numbers) &&
		       BN_bn2binpad(power, element, (int)f->len) == (int)f->len;
	}
	BN_clear_free(power);
	BN_CTX_free(numbers); /* wipes its own */
	return made ? FINE : scratch_failed(BROKEN);
}

/*
 * 2 <= a <= p - 2 and a in the subgroup of order q = (p - 1) / 2 (SP 800-56A section 5.6.2.3.1): p is
 * a safe prime, so those are the squares, which Euler's criterion would tell at the price of an
 * agreement and the Legendre symbol tells almost for nothing.
 */
static enum outcome read_element(const struct field *f, struct bytes element, BIGNUM *a)
{
	uint64_t words[JACOBI_WORDS_MAX];

	if (element.len != f->len)
		return INVALID_PARAMETER;
	if (BN_bin2bn(element.at, (int)element.len, a) == NULL)
		return scratch_failed(NO_MEMORY);
	if (BN_cmp(a, BN_value_one()) <= 0 || BN_cmp(a, f->p_less_one) >= 0)
		return INVALID_PARAMETER;
	if (!write_words(a, words, f->len))
		return scratch_failed(BROKEN);
	int symbol = jacobi(words, f->p_words, f->len / sizeof(words[0]));

	if (symbol == 0) {
		BN_CTX *numbers = BN_CTX_new();

		symbol = numbers != NULL ? BN_kronecker(a, f->p, numbers) : -2;
		BN_CTX_free(numbers);
		if (symbol == -2)
			return scratch_failed(NO_MEMORY);
	}
	return symbol == 1 ? FINE : INVALID_PARAMETER;
}

enum outcome ffdhe_check_element(enum dh_group group, struct bytes element)
{
	const struct field *f = field_of(group);
	BIGNUM *a = f != NULL ? BN_new() : NULL;

	if (a == NULL)
		return scratch_failed(NO_MEMORY);
	enum outcome o = read_element(f, element, a);

	BN_free(a);
	return o;
}

/* Z = a ^ secret. The numbers are wiped as they are freed. */
static enum outcome agree(
	const struct field *f, const uint8_t secret[DH_SECRET_MAX], const BIGNUM *a, uint8_t *z)
{
	BN_CTX *numbers = BN_CTX_new();
	BIGNUM *exponent = BN_new(), *power = BN_new();
	enum outcome o = BROKEN;

	if (numbers == NULL || exponent == NULL || power == NULL ||
		BN_bin2bn(secret, (int)f->exponent_len, exponent) == NULL)
		goto out;
	BN_set_flags(exponent, BN_FLG_CONSTTIME);
	if (BN_mod_exp_mont_consttime(power, a, exponent, f->p, numbers, f->mont) != 1)
		goto out;
	/* SP 800-56A section 5.7.1.1; an element that was checked gives none of these. */
	if (BN_cmp(power, BN_value_one()) <= 0 || BN_cmp(power, f->p_less_one) == 0)
		o = INVALID_PARAMETER;
	else if (BN_bn2binpad(power, z, (int)f->len) == (int)f->len)
		o = FINE;
out:
	BN_clear_free(power);
	BN_clear_free(exponent);
	BN_CTX_free(numbers); /* wipes its own */
	return o == FINE ? FINE : scratch_failed(o);
}

enum outcome ffdhe_agree(
	enum dh_group group, const uint8_t secret[DH_SECRET_MAX], struct bytes peer, uint8_t *z)
{
	const struct field *f = field_of(group);
	BIGNUM *a = f != NULL ? BN_new() : NULL;

	if (a == NULL)
		return scratch_failed(NO_MEMORY);
	enum outcome o = read_element(f, peer, a);

	if (o == FINE)
		o = agree(f, secret, a, z);
	BN_free(a);
	return o;
}
