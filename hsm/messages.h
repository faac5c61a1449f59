/*
 * What arpfd and arpf-keyd say to each other over a SOCK_SEQPACKET pair.
 *
 * A batch is one message: a header and `count` fixed-size items of one operation. Its reply is one
 * message: the header and `count` results, each with an outcome of its own, in the order of
 * the items. Operations are at the level of the procedures: what goes in is public or sealed, what
 * comes out is public or sealed; no operation returns a key. Both ends are built together, so the
 * structures cross as they are; arpf-keyd all the same checks every length, count and value.
 *
 * A worker says hello once, when its token is open and its keys are found.
 */
#ifndef HSM_MESSAGES_H
#define HSM_MESSAGES_H

#include <stdint.h>

#include "base/bytes.h"
#include "crypto/merkle.h"
#include "crypto/p256.h"

#define KEY_ID_LEN      32 /* SHA-256 of the DER SubjectPublicKeyInfo */
#define KEY_BATCH_MAX   64
#define KEY_LABEL_LEN   32
#define KEY_FOUND_MAX   64
#define KEY_MESSAGE_MAX (128u * 1024u)

/* What a long-term key is for; its label on the token is "arpf.<use>.<generation>". */
enum key_use { KEY_USE_ECKA, KEY_USE_SIGN, KEY_USE_RECIPIENT, KEY_USE_KEK, KEY_USE_COUNT };

enum key_operation {
	KEY_PING,              /* struct key_ping, struct key_ping */
	KEY_AGREE_EK,          /* own ARPF: eK, its outputs, its sealed keys (protocol 4.2, 4.4) */
	KEY_AGREE_EK_FOR_PEER, /* third-party ARPF: eK under ECIES to the Target AUSF (4.3) */
	KEY_OPEN_EK_FROM_PEER, /* Target AUSF: that eK opened, its outputs, its sealed keys */
	KEY_SIGN,              /* leaves of a batch signature (3) */
	KEY_CHECK_SEALED,      /* opens a sealed key inside the token: its key check value */
	KEY_OPERATION_COUNT,
};

/*
 * A device's keys as the database keeps them: K wrapped (RFC 3394) under a data key, OPc likewise, and
 * the data key wrapped by the token's KEK.
 * 0x01, kLen (16 or 32), u16 KEK generation, data key (32 + 8), K (kLen + 8), OPc (16 + 8).
 */
#define SEALED_VERSION 1
#define SEALED_MAX     (4 + 40 + 40 + 24)
struct sealed_key {
	uint16_t len;
	uint8_t at[SEALED_MAX];
};

struct key_ping {
	uint64_t nonce;
};

struct key_agree_ek_in {
	uint64_t dimsi, imsi;
	uint8_t key_id[KEY_ID_LEN]; /* of the ECKA key */
	uint8_t se_public_key[P256_POINT_LEN];
};
struct key_ek_outputs {
	uint8_t output_1[16], output_2[16]; /* RAND, AUTN */
	struct sealed_key sealed;           /* eKa as K, eOPc as OPc */
};

struct key_agree_ek_for_peer_in {
	uint64_t dimsi;
	uint8_t key_id[KEY_ID_LEN];
	uint8_t se_public_key[P256_POINT_LEN];
	uint8_t recipient[P256_POINT_LEN];
};
struct key_ek_for_peer {
	uint8_t ephemeral[P256_COMPRESSED_LEN];
	uint8_t ciphertext[32];
	uint8_t mac[32];
};

struct key_open_ek_from_peer_in {
	uint64_t dimsi, imsi;
	uint8_t key_id[KEY_ID_LEN]; /* of the recipient key */
	struct key_ek_for_peer ek;
};

struct key_sign_in {
	uint8_t key_id[KEY_ID_LEN];
	uint8_t leaf[MERKLE_HASH_LEN];
};
struct key_signature {
	uint8_t signature[P256_SIGNATURE_LEN];
	uint32_t tree_size, leaf_index;
	uint32_t path_count;
	uint8_t path[MERKLE_TREE_PATH * MERKLE_HASH_LEN];
};

struct key_check_value {
	uint8_t kcv[3]; /* first bytes of AES(K, zeros), the customary key check value */
};

/* The sizes of an operation's item and result. */
size_t key_operation_in_size(enum key_operation operation);
size_t key_operation_out_size(enum key_operation operation);
const char *key_operation_name(enum key_operation operation);
const char *key_use_name(enum key_use use); /* ecka, sign, recipient, kek */

struct key_batch_header {
	uint32_t magic;
	uint32_t operation;
	uint32_t count;
	uint32_t reserved;
	uint64_t batch;
};
#define KEY_MAGIC       0x61726b31u /* "ark1" */
#define KEY_HELLO_MAGIC 0x61726b68u /* "arkh" */

/* Before each result of a reply: the item's outcome. An item that is not FINE has a zeroed result. */
struct key_result_header {
	uint32_t outcome;
	uint32_t reserved;
};

struct key_found {
	uint32_t use;
	uint32_t generation;
	uint8_t key_id[KEY_ID_LEN];
	uint8_t public_key[P256_POINT_LEN]; /* zero for a KEK */
};
struct key_hello {
	uint32_t magic;
	uint32_t
		outcome; /* HSM_UNAVAILABLE where the token could not be opened; the reason is in the log */
	uint32_t count;
	struct key_found keys[KEY_FOUND_MAX];
};

#endif
