#include "pki/issuer_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/kdf.h"

#define LEAVES 16384u

struct entry {
	struct entry *next;
	uint64_t hash;
	uint8_t authority[FINGERPRINT_LEN]; /* of the certificate it was verified under */
	struct issuer *issuer;
	_Atomic uint64_t last_use; /* in insertions, so that uses between two write nothing */
};

/* SHA-256 of issuer's fingerprint and leaf, each where its first bytes say; a later one takes the place. */
struct leaves {
	pthread_mutex_t lock;
	uint8_t hashes[LEAVES][SHA256_LEN];
};

struct issuer_cache {
	struct leaves *leaves;
	pthread_rwlock_t lock;
	size_t most, count;
	_Atomic uint64_t insertions;
	size_t bucket_count; /* a power of two */
	struct entry *buckets[];
};

static struct leaves *new_leaves(void)
{
	struct leaves *l = calloc(1, sizeof(*l));

	if (l != NULL && pthread_mutex_init(&l->lock, NULL) != 0) {
		free(l);
		return NULL;
	}
	return l;
}

static void free_leaves(struct leaves *l)
{
	if (l == NULL)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

struct issuer_cache *issuer_cache_new(size_t most)
{
	size_t bucket_count = 16;

	while (bucket_count < most)
		bucket_count *= 2;
	struct issuer_cache *cache =
		calloc(1, sizeof(*cache) + bucket_count * sizeof(cache->buckets[0]));
	if (cache == NULL)
		return NULL;
	cache->leaves = new_leaves();
	if (cache->leaves == NULL || pthread_rwlock_init(&cache->lock, NULL) != 0) {
		free_leaves(cache->leaves);
		free(cache);
		return NULL;
	}
	cache->most = most > 0 ? most : 1;
	cache->bucket_count = bucket_count;
	return cache;
}

static void free_entry(struct entry *e)
{
	issuer_give_back(e->issuer);
	free(e);
}

void issuer_cache_free(struct issuer_cache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < cache->bucket_count; i++) {
		while (cache->buckets[i] != NULL) {
			struct entry *e = cache->buckets[i];

			cache->buckets[i] = e->next;
			free_entry(e);
		}
	}
	pthread_rwlock_destroy(&cache->lock);
	free_leaves(cache->leaves);
	free(cache);
}

static uint64_t hash_of(const struct issuer *by, struct bytes der)
{
	uint64_t authority;

	memcpy(&authority, by->fingerprint, sizeof(authority));
	return certificate_quick_hash(der) ^ authority;
}

static struct entry **bucket_of(struct issuer_cache *cache, uint64_t hash)
{
	return &cache->buckets[hash >> 32 & (cache->bucket_count - 1)];
}

static struct entry *find_locked(
	struct issuer_cache *cache, const struct issuer *by, struct bytes der)
{
	uint64_t hash = hash_of(by, der);

	for (struct entry *e = *bucket_of(cache, hash); e != NULL; e = e->next)
		if (e->hash == hash && bytes_equal(e->issuer->certificate.der, der) &&
			memcmp(e->authority, by->fingerprint, FINGERPRINT_LEN) == 0)
			return e;
	return NULL;
}

struct issuer *issuer_cache_find(
	struct issuer_cache *cache, const struct issuer *by, struct bytes der)
{
	struct issuer *found = NULL;

	pthread_rwlock_rdlock(&cache->lock);
	struct entry *e = find_locked(cache, by, der);
	if (e != NULL) {
		uint64_t now = atomic_load_explicit(&cache->insertions, memory_order_relaxed);

		if (atomic_load_explicit(&e->last_use, memory_order_relaxed) != now)
			atomic_store_explicit(&e->last_use, now, memory_order_relaxed);
		found = issuer_take(e->issuer);
	}
	pthread_rwlock_unlock(&cache->lock);
	return found;
}

static void drop_oldest_locked(struct issuer_cache *cache)
{
	struct entry **oldest = NULL;

	for (size_t i = 0; i < cache->bucket_count; i++)
		for (struct entry **e = &cache->buckets[i]; *e != NULL; e = &(*e)->next)
			if (oldest == NULL || (*e)->last_use < (*oldest)->last_use)
				oldest = e;
	struct entry *gone = *oldest;
	*oldest = gone->next;
	cache->count--;
	free_entry(gone);
}

static void insert_locked(struct issuer_cache *cache, struct entry *e)
{
	struct entry **bucket = bucket_of(cache, e->hash);

	if (cache->count == cache->most)
		drop_oldest_locked(cache);
	e->next = *bucket;
	*bucket = e;
	cache->count++;
	e->last_use = cache->insertions++;
}

struct issuer *issuer_cache_add(
	struct issuer_cache *cache, const struct issuer *by, struct issuer *fresh)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return fresh;
	e->hash = hash_of(by, fresh->certificate.der);
	memcpy(e->authority, by->fingerprint, FINGERPRINT_LEN);
	e->issuer = fresh;
	pthread_rwlock_wrlock(&cache->lock);
	struct entry *first = find_locked(cache, by, fresh->certificate.der);
	if (first == NULL)
		insert_locked(cache, e);
	struct issuer *use = issuer_take(first != NULL ? first->issuer : fresh);
	pthread_rwlock_unlock(&cache->lock);
	if (first != NULL)
		free_entry(e);
	return use;
}

static uint8_t *place_of(struct leaves *l, const uint8_t hash[SHA256_LEN])
{
	uint32_t first;

	memcpy(&first, hash, sizeof(first));
	return l->hashes[first % LEAVES];
}

static bool is_remembered(struct leaves *l, const uint8_t hash[SHA256_LEN])
{
	pthread_mutex_lock(&l->lock);
	bool is_there = memcmp(place_of(l, hash), hash, SHA256_LEN) == 0;

	pthread_mutex_unlock(&l->lock);
	return is_there;
}

static void remember(struct leaves *l, const uint8_t hash[SHA256_LEN])
{
	pthread_mutex_lock(&l->lock);
	memcpy(place_of(l, hash), hash, SHA256_LEN);
	pthread_mutex_unlock(&l->lock);
}

enum outcome issuer_cache_verify_leaf(struct issuer_cache *cache, const struct issuer *by,
	const struct certificate *leaf, const char **reason)
{
	uint8_t hash[SHA256_LEN];
	enum outcome o = sha256((struct bytes[]){ BYTES(by->fingerprint), leaf->der }, 2, hash);

	if (o != FINE || is_remembered(cache->leaves, hash))
		return o;
	o = issuer_verify(by, leaf, reason);
	if (o == FINE)
		remember(cache->leaves, hash);
	return o;
}
