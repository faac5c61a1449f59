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
#include "crypto/dh_group.h"
#include "crypto/eccsi.h"
#include "crypto/merkle.h"
#include "crypto/p256.h"

#define KEY_ID_LEN      32 /* SHA-256 of the DER SubjectPublicKeyInfo */
#define KEY_BATCH_MAX   64
#define KEY_LABEL_LEN   32
#define KEY_FOUND_MAX   200 /* long-term keys on a token */
#define KEY_MESSAGE_MAX (128u * 1024u)

/* What a long-term key is for; its label on the token is "arpf.<use>.<generation>". */
enum key_use {
	KEY_USE_ECKA,
	KEY_USE_SIGN,
	KEY_USE_RECIPIENT,
	KEY_USE_KEK,
	KEY_USE_SESSION, /* AES: keeps short-lived secrets (struct kept_secret) */
	KEY_USE_SUCI_A,  /* X25519, the home network's; the generation is its key identifier */
	KEY_USE_SUCI_B,  /* P-256, likewise */
	KEY_USE_COUNT,
};

enum key_operation {
	KEY_PING,              /* struct key_ping, struct key_ping */
	KEY_AGREE_EK,          /* own ARPF: eK, its outputs, its sealed keys (protocol 4.2, 4.4) */
	KEY_AGREE_EK_FOR_PEER, /* third-party ARPF: eK under ECIES to the Target AUSF (4.3) */
	KEY_OPEN_EK_FROM_PEER, /* Target AUSF: that eK opened, its outputs, its sealed keys */
	KEY_SIGN,              /* leaves of a batch signature (3) */
	KEY_CHECK_SEALED,      /* opens a sealed key inside the token: its key check value */
	KEY_MAKE_VECTOR,       /* 5G AKA: Milenage with K inside the token (5) */
	KEY_CHECK_AUTS,        /* resynchronisation: SQN_MS, or MAC_INVALID (5) */
	KEY_DECONCEAL,         /* a SUCI's scheme output opened; Profiles A and B (5) */
	KEY_REGISTER_SESSION,  /* K_AF of K_AKMA, kept (6) */
	KEY_AGREE_COMPANION,   /* MAC1 checked, the group element checked, KD agreed (7.2) */
	KEY_CONFIRM_COMPANION, /* MAC2 checked, MAC3 made (7.3) */
	KEY_SIGN_IBS,          /* leaves of a batch signature by an identity (3, 7) */
	KEY_CHECK_ADDITION,    /* the MAC of a device addition (8, step 2) */
	KEY_DERIVE_DEVICE,     /* K', K'' and their ciphertexts (8, steps 6 and 7) */
	KEY_OFFER_EXCHANGE, /* an ephemeral key, and the server's signature over the offer (9.1, 10.1) */
	KEY_ACCEPT_ATTACH,      /* Ks agreed, the MAC of an accepted attach (9.2) */
	KEY_BIND_PROFILE,       /* a fresh K, sealed, and the profile under Kb (10.2) */
	KEY_CHECK_NOTIFICATION, /* the MAC of a notification under Kn (10.3) */
	KEY_MAKE_SUBSCRIBER, /* a fresh K and OPc, sealed: a new version of a subscription (11) */
	KEY_SEAL_SUBSCRIBER, /* a subscriber's existing K, as a file brings it; for arpfctl */
	KEY_OPERATION_COUNT,
};

/*
 * A device's keys as the database keeps them: K wrapped (RFC 3394) under a data key, and the data key
 * wrapped by the token's KEK. OPc lies under K itself, so that one K opened in the token serves both:
 * OPc xor AES(K, SEAL_OPC_BLOCK), and 8 bytes of HMAC-SHA-256(AES(K, SEAL_OPC_TAG_BLOCK), OPc).
 * 0x02, kLen (16 or 32), u16 KEK generation, data key (32 + 8), K (kLen + 8), OPc (16 + 8).
 */
#define SEALED_VERSION 2
#define SEALED_MAX     (4 + 40 + 40 + 24)
struct sealed_key {
	uint16_t len;
	uint8_t at[SEALED_MAX];
};

/*
 * A short-lived secret of 32 bytes as the database keeps it (a companion session's K, an unconfirmed
 * KDm): under a key of use "session", which never leaves the token, in counter mode, with a MAC that
 * also covers what it is and whose it is.
 * 0x01, u16 generation, nonce (12), ciphertext (32), MAC (16).
 */
#define KEPT_SECRET_LEN 32
#define KEPT_LEN        63
struct kept_secret {
	uint8_t at[KEPT_LEN];
};

/* A text in an item; not NUL-terminated. */
#define KEY_TEXT_MAX 64
struct key_text {
	uint16_t len;
	char at[KEY_TEXT_MAX];
};
/* Of a text that its caller has measured. */
struct key_text key_text_of(const char *text);

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

/* 5 */
struct key_make_vector_in {
	struct sealed_key sealed;
	uint64_t sqn; /* 48 bits, never given before */
	struct key_text serving_network;
};
struct key_vector {
	uint8_t rand[16], autn[16], xres_star[16], kausf[32];
};
struct key_check_auts_in {
	struct sealed_key sealed;
	uint8_t rand[16], auts[14];
};
struct key_auts {
	uint64_t sqn_ms;
};

/* The scheme output of a SUCI: ephemeral key (A: 32, B: 33 or 65 bytes), ciphertext, MAC of 8 bytes. */
#define SUCI_OUTPUT_MAX 96
struct key_deconceal_in {
	uint8_t scheme;   /* 1: Profile A, 2: Profile B */
	uint8_t home_key; /* home network public key identifier */
	uint16_t len;
	uint8_t output[SUCI_OUTPUT_MAX];
};
struct key_msin {
	uint16_t len;
	uint8_t bcd[SUCI_OUTPUT_MAX]; /* what was concealed, not yet looked at */
};

/* 6: whose session a kept K is. */
#define AKID_MAX  256
#define AF_ID_MAX 260
struct key_session {
	uint64_t imsi;
	uint16_t akid_len;
	char akid[AKID_MAX];
};
struct key_register_session_in {
	struct key_session session;
	uint8_t k_akma[32];
	uint16_t af_id_len;
	uint8_t af_id[AF_ID_MAX]; /* FQDN and Ua* protocol identifier */
};

/* 7.2 */
#define ACCESS_ID_LEN   16
#define COMPANION_A_MAX 512
struct key_agree_companion_in {
	struct key_session session;
	struct kept_secret k;
	struct key_text p_type, device_id, group;
	uint16_t a_len;
	uint8_t a[COMPANION_A_MAX]; /* whatever came: looked at after MAC1 */
	uint8_t mac1[32];
};
/*
 * MAC_INVALID, or INVALID_PARAMETER for an unknown group or a bad element. The Access ID is the first 16
 * bytes of HMAC-SHA-256(K, T("arpf access id v1"; mac1)): the same request gets the same one.
 */
struct key_companion {
	uint8_t access_id[ACCESS_ID_LEN];
	uint16_t b_len;
	uint8_t b[DH_ELEMENT_MAX];
	struct kept_secret kdm;
	struct sealed_key sealed; /* KDa as K, KDo as OPc */
};

/* 7.3 */
struct key_confirm_companion_in {
	struct kept_secret kdm;
	uint8_t access_id[ACCESS_ID_LEN];
	struct key_text device_id;
	uint64_t imsi; /* the SUPI that MAC3 names */
	uint8_t mac2[32];
};
struct key_confirmation {
	uint8_t mac3[32];
};

/* The server's ECCSI identity: public but for the SSK, which is wrapped (RFC 3394) by the KEK. */
#define IBS_ID_MAX      128
#define IBS_WRAPPED_LEN 40
struct ibs_identity {
	uint16_t id_len, kek_generation;
	char id[IBS_ID_MAX];
	uint8_t kpak[P256_POINT_LEN], pvt[P256_POINT_LEN];
	uint8_t wrapped_ssk[IBS_WRAPPED_LEN];
};
struct key_sign_ibs_in {
	struct ibs_identity identity;
	uint8_t leaf[MERKLE_HASH_LEN];
};
struct key_ibs_signature {
	uint8_t signature[ECCSI_SIGNATURE_LEN];
	uint32_t tree_size, leaf_index;
	uint32_t path_count;
	uint8_t path[MERKLE_TREE_PATH * MERKLE_HASH_LEN];
};

/* 8, step 2 */
#define DEVICE_URL_MAX 1024
struct key_check_addition_in {
	struct key_session session;
	struct kept_secret k;
	uint16_t url_len;
	char url[DEVICE_URL_MAX];
	uint8_t mac[32];
};
struct key_nothing {
	uint8_t zero;
};

/* 8, steps 6 and 7 */
#define DEVICE_KEY_MAX    560 /* P-256: the point; RSA of 2048 to 4096 bits: SubjectPublicKeyInfo */
#define DEVICE_CIPHER_MAX 512
enum device_key_scheme { DEVICE_KEY_ECIES_P256, DEVICE_KEY_RSA_OAEP_SHA256 };
struct key_derive_device_in {
	struct key_session session;
	struct kept_secret k;
	struct sealed_key companion; /* K_C of session.imsi */
	uint64_t imsi;               /* the device's new one */
	struct key_text device_id, manufacturer, model;
	uint8_t spki_hash[32], n1[16], n2[16];
	uint16_t scheme; /* enum device_key_scheme */
	uint16_t device_key_len;
	uint8_t device_key[DEVICE_KEY_MAX];
};
struct key_device {
	uint8_t ephemeral[P256_COMPRESSED_LEN], mac[32]; /* ECIES */
	uint16_t ciphertext_len;
	uint8_t ciphertext[DEVICE_CIPHER_MAX]; /* K' */
	uint8_t iv[12], sealed_k_double_prime[32 + 16];
	struct sealed_key sealed; /* Ka as K, OPc */
};

/*
 * 9 and 10: a key exchange with a certified device, which the server offers and signs. What an
 * attach and a download have in common; they differ by the labels of their transcripts. The scalar of
 * the server's ephemeral key is kept until the device's answer comes, to whatever server.
 */
#define EXCHANGE_ID_LEN    16 /* attachId, downloadId, a PDU session's id */
#define EXCHANGE_NONCE_LEN 16
enum exchange_kind { EXCHANGE_ATTACH, EXCHANGE_DOWNLOAD };
struct key_exchange {
	uint16_t kind;               /* enum exchange_kind */
	uint8_t id[EXCHANGE_ID_LEN]; /* enters transcripts as 32 hex digits */
	struct key_text subject;     /* the EID, or the SUPI's text */
	uint8_t server_nonce[EXCHANGE_NONCE_LEN];
	uint8_t device_nonce[EXCHANGE_NONCE_LEN]; /* ueNonce, deviceNonce */
};
struct key_offer_exchange_in {
	struct key_exchange exchange;
	uint8_t sign_key_id[KEY_ID_LEN];
};
struct key_offer {
	uint8_t ephemeral[P256_POINT_LEN];
	struct kept_secret scalar;
	struct key_signature signature; /* over the offer's transcript */
};
#define PROVISIONING_SERVER_MAX 256
struct key_accept_attach_in {
	struct key_exchange exchange;
	struct kept_secret scalar;
	uint8_t device_ephemeral[P256_POINT_LEN];
	uint8_t session_id[EXCHANGE_ID_LEN];
	struct key_text dnn;
	uint16_t server_len;
	char server[PROVISIONING_SERVER_MAX];
	uint64_t expires_at;
};
/* INVALID_PARAMETER where the device's ephemeral key is no point. */
struct key_accept {
	uint8_t mac[32];
};
/*
 * The profile's JSON is head, "k":"…","opc":"…", tail: arpfd writes all but the keys. K comes from the
 * token's generator and is wrapped there (struct sealed_key). K and OPc are also kept: with them the same
 * profile is made once more, for another device_ephemeral, and nothing is sealed.
 */
#define PROFILE_PART_MAX 384
#define PROFILE_MAX      (2 * PROFILE_PART_MAX + 96)
struct key_profile_part {
	uint16_t len;
	char at[PROFILE_PART_MAX];
};
struct key_bind_profile_in {
	struct key_exchange exchange;
	struct kept_secret scalar;
	uint8_t device_ephemeral[P256_POINT_LEN];
	struct key_profile_part head, tail;
	uint8_t has_k_opc; /* 1: of the profile that was made before */
	struct kept_secret k_opc;
};
struct key_bound_profile {
	uint8_t iv[12];
	uint16_t ciphertext_len;
	uint8_t ciphertext[PROFILE_MAX + 16]; /* the tag appended */
	struct kept_secret kn;
	struct sealed_key sealed; /* empty where K was given */
	struct kept_secret k_opc; /* as well */
};
struct key_check_notification_in {
	uint8_t download_id[EXCHANGE_ID_LEN];
	struct kept_secret kn;
	struct key_text result;
	uint8_t mac[32];
};
struct key_make_subscriber_in {
	uint64_t imsi;
};

/* Subscribers with an existing K. With a transport key, K is opened by it and wrapped anew inside the token. */
struct key_seal_subscriber_in {
	uint8_t k[40]; /* kLen bytes, or kLen + 8 wrapped (RFC 3394) */
	uint8_t k_len; /* 16 or 32 */
	bool is_wrapped, is_op;
	uint8_t opc[16]; /* OPc, or OP */
	char transport_key[KEY_LABEL_LEN + 1];
};

/* The sizes of an operation's item and result. */
size_t key_operation_in_size(enum key_operation operation);
size_t key_operation_out_size(enum key_operation operation);
const char *key_operation_name(enum key_operation operation);
const char *key_use_name(
	enum key_use use); /* ecka, sign, recipient, kek, session, suci-a, suci-b */

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
	uint8_t public_key[P256_POINT_LEN]; /* X25519: its first 32 bytes; zero for an AES key */
};
struct key_hello {
	uint32_t magic;
	uint32_t
		outcome; /* HSM_UNAVAILABLE where the token could not be opened; the reason is in the log */
	uint32_t count;
	struct key_found keys[KEY_FOUND_MAX];
};

#endif
