#include "hsm/keyd/keep.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/secret.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"
#include "hsm/keyd/agree.h"

#define KEPT_VERSION 1
#define NONCE_LEN    12u
#define TAG_LEN      16u
#define STREAM_LEN   64u /* of an item: its mask, and the key of its MAC */

/* struct kept_secret's bytes */
#define NONCE_AT  3u
#define CIPHER_AT (NONCE_AT + NONCE_LEN)
#define TAG_AT    (CIPHER_AT + KEPT_SECRET_LEN)
static_assert(TAG_AT + TAG_LEN == KEPT_LEN, "the parts of a kept secret");

static unsigned generation_of(const struct kept_secret *kept)
{
	return (unsigned)kept->at[1] << 8 | kept->at[2];
}

/* The counter blocks of each item encrypted in one call, at stream. */
static enum outcome make_stream(struct token_session *s, const struct token_key *key,
	const struct keeping *all, unsigned count, uint8_t *stream)
{
	uint8_t blocks[KEY_BATCH_MAX * STREAM_LEN];

	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < STREAM_LEN / 16; j++) {
			uint8_t *block = blocks + i * STREAM_LEN + j * 16u;

			memcpy(block, all[i].kept->at + NONCE_AT, NONCE_LEN);
			memset(block + NONCE_LEN, 0, 4);
			block[15] = (uint8_t)j;
		}
	return token_encrypt_blocks(s, key->handle, blocks, count * STREAM_LEN, stream);
}

static enum outcome make_tag(const struct keeping *k, const uint8_t *mac_key, uint8_t tag[TAG_LEN])
{
	uint8_t mac[SHA256_LEN];
	uint8_t whose_len[2] = { (uint8_t)(k->whose.len >> 8), (uint8_t)k->whose.len };
	struct bytes parts[] = {
		bytes_of(k->label, strlen(k->label) + 1),
		BYTES(whose_len),
		k->whose,
		bytes_of(k->kept->at, TAG_AT),
	};
	enum outcome o = hmac_sha256(bytes_of(mac_key, 32), parts, 4, mac);

	memcpy(tag, mac, TAG_LEN);
	wipe(mac, sizeof(mac));
	return o;
}

static enum outcome seal_one(struct keeping *k, const uint8_t *stream)
{
	uint8_t *at = k->kept->at;

	for (unsigned i = 0; i < KEPT_SECRET_LEN; i++)
		at[CIPHER_AT + i] = k->secret[i] ^ stream[i];
	return make_tag(k, stream + KEPT_SECRET_LEN, at + TAG_AT);
}

static enum outcome open_one(struct keeping *k, const uint8_t *stream)
{
	const uint8_t *at = k->kept->at;
	uint8_t tag[TAG_LEN];
	enum outcome o = make_tag(k, stream + KEPT_SECRET_LEN, tag);

	if (o == FINE && !equal_in_constant_time(tag, at + TAG_AT, TAG_LEN))
		return MAC_INVALID;
	for (unsigned i = 0; o == FINE && i < KEPT_SECRET_LEN; i++)
		k->secret[i] = at[CIPHER_AT + i] ^ stream[i];
	return o;
}

enum outcome keep_secrets(struct token_session *s, struct keeping *all, unsigned count)
{
	const struct token_key *key = token_newest(s, KEY_USE_SESSION);
	uint8_t *stream = key != NULL ? OPENSSL_secure_zalloc(KEY_BATCH_MAX * STREAM_LEN) : NULL;
	enum outcome o = key == NULL ? HSM_UNAVAILABLE : stream == NULL ? NO_MEMORY : FINE;

	for (unsigned i = 0; o == FINE && i < count; i++) {
		uint8_t *at = all[i].kept->at;

		memset(at, 0, KEPT_LEN);
		at[0] = KEPT_VERSION;
		at[1] = (uint8_t)(key->generation >> 8);
		at[2] = (uint8_t)key->generation;
		if (RAND_bytes(at + NONCE_AT, NONCE_LEN) != 1)
			o = BROKEN;
	}
	if (o == FINE)
		o = make_stream(s, key, all, count, stream);
	for (unsigned i = 0; o == FINE && i < count; i++) {
		if (all[i].is_skipped)
			memset(all[i].kept->at, 0, KEPT_LEN);
		else
			all[i].outcome = seal_one(&all[i], stream + i * STREAM_LEN);
	}
	OPENSSL_secure_clear_free(stream, KEY_BATCH_MAX * STREAM_LEN);
	return o;
}

/* A batch is of one generation, but for the minutes after a rotation. */
enum outcome open_kept(struct token_session *s, struct keeping *all, unsigned count)
{
	bool is_done[KEY_BATCH_MAX] = { false };
	uint8_t *stream = OPENSSL_secure_zalloc(KEY_BATCH_MAX * STREAM_LEN);
	enum outcome o = stream != NULL ? FINE : NO_MEMORY;

	for (unsigned first = 0; o == FINE && first < count; first++) {
		if (is_done[first] || all[first].is_skipped)
			continue;
		unsigned generation = generation_of(all[first].kept);
		const struct token_key *key =
			token_generation_or_look(s, KEY_USE_SESSION, generation);

		if (key == NULL || all[first].kept->at[0] != KEPT_VERSION) {
			all[first].outcome = key == NULL ? HSM_UNAVAILABLE : BROKEN;
			continue;
		}
		o = make_stream(s, key, all, count, stream);
		for (unsigned i = first; o == FINE && i < count; i++) {
			if (is_done[i] || all[i].is_skipped || all[i].kept->at[0] != KEPT_VERSION ||
				generation_of(all[i].kept) != generation)
				continue;
			all[i].outcome = open_one(&all[i], stream + i * STREAM_LEN);
			is_done[i] = true;
		}
	}
	OPENSSL_secure_clear_free(stream, KEY_BATCH_MAX * STREAM_LEN);
	return o;
}

enum outcome keep_session_whose(
	const struct key_session *session, uint8_t room[KEEP_SESSION_MAX], struct bytes *whose)
{
	struct transcript t = transcript_start(room, KEEP_SESSION_MAX, "arpf session v1");

	if (session->akid_len > AKID_MAX)
		return INVALID_PARAMETER;
	transcript_add_u64(&t, session->imsi);
	transcript_add(&t, bytes_of(session->akid, session->akid_len));
	return transcript_end(&t, whose) ? FINE : INVALID_PARAMETER;
}
