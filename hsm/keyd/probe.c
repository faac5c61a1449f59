#include "hsm/keyd/probe.h"

#include <time.h>

#include "base/secret.h"
#include "hsm/keyd/agree.h"
#include "hsm/keyd/agree_x25519.h"

/* PKCS #11 3.0 */
#ifndef CKM_EC_MONTGOMERY_KEY_PAIR_GEN
#define CKM_EC_MONTGOMERY_KEY_PAIR_GEN 0x1056UL
#endif

#define ROUNDS 500

static const struct {
	CK_MECHANISM_TYPE mechanism;
	const char *name;
} mechanisms[] = {
	{ CKM_EC_KEY_PAIR_GEN, "CKM_EC_KEY_PAIR_GEN" },
	{ CKM_EC_EDWARDS_KEY_PAIR_GEN, "CKM_EC_EDWARDS_KEY_PAIR_GEN" },
	{ CKM_EC_MONTGOMERY_KEY_PAIR_GEN, "CKM_EC_MONTGOMERY_KEY_PAIR_GEN" },
	{ CKM_ECDSA, "CKM_ECDSA" },
	{ CKM_ECDH1_DERIVE, "CKM_ECDH1_DERIVE" },
	{ CKM_DH_PKCS_DERIVE, "CKM_DH_PKCS_DERIVE" },
	{ CKM_AES_KEY_GEN, "CKM_AES_KEY_GEN" },
	{ CKM_AES_ECB, "CKM_AES_ECB" },
	{ CKM_AES_CMAC, "CKM_AES_CMAC" },
	{ CKM_AES_KEY_WRAP, "CKM_AES_KEY_WRAP" },
};

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void write_mechanisms(struct json_out *o, struct token_session *s)
{
	json_key(o, "mechanisms");
	json_open(o, '{');
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		CK_MECHANISM_INFO info = { 0 }; /* some modules only add flags to it */

		json_key(o, mechanisms[i].name);
		json_bool(o, s->token->f->C_GetMechanismInfo(
				     s->token->slot, mechanisms[i].mechanism, &info) == CKR_OK);
	}
	json_close(o, '}');
}

struct trial {
	struct token_session *s;
	uint8_t peer[P256_POINT_LEN];
	struct data_key data_key;
	struct sealed_key sealed;
};

static enum outcome try_agree(struct trial *t)
{
	const struct token_key *key = token_newest(t->s, KEY_USE_ECKA);
	uint8_t derived[32];
	enum outcome o = key != NULL ? token_agree_x963(t->s, key, t->peer, (struct bytes){ 0 },
					       derived, sizeof(derived))
				     : HSM_UNAVAILABLE;

	wipe(derived, sizeof(derived));
	return o;
}

static enum outcome try_sign(struct trial *t)
{
	const struct token_key *key = token_newest(t->s, KEY_USE_SIGN);
	uint8_t digest[32] = { 0 }, signature[P256_SIGNATURE_LEN];

	return key != NULL ? token_sign(t->s, key, digest, signature) : HSM_UNAVAILABLE;
}

static enum outcome try_x25519(struct trial *t)
{
	static const uint8_t base_point[X25519_LEN] = { 9 };
	const struct token_key *key = token_newest(t->s, KEY_USE_SUCI_A);
	uint8_t z[X25519_LEN];
	enum outcome o =
		key != NULL ? token_agree_x25519(t->s, key, base_point, z) : HSM_UNAVAILABLE;

	wipe(z, sizeof(z));
	return o;
}

static enum outcome try_data_key(struct trial *t)
{
	struct data_key data_key = { 0 };
	enum outcome o = data_key_make(t->s, &data_key);

	data_key_end(t->s, &data_key);
	return o;
}

/* The five blocks of Milenage under a K that is opened for them. */
static enum outcome try_encrypt(struct trial *t)
{
	static const uint8_t zeros[80];
	uint8_t blocks[80];
	struct opened_key opened;
	enum outcome o = open_sealed_k(t->s, &t->sealed, OPENED_ENCRYPTS, &opened);

	if (o != FINE)
		return o;
	o = token_encrypt_blocks(t->s, opened.k, zeros, sizeof(zeros), blocks);
	token_destroy(t->s, opened.k);
	return o;
}

static enum outcome try_cmac(struct trial *t)
{
	static const uint8_t zeros[128];
	uint8_t mac[16];
	struct opened_key opened;
	enum outcome o = open_sealed_k(t->s, &t->sealed, OPENED_MAKES_MACS, &opened);

	if (o != FINE)
		return o;
	o = token_cmac(t->s, opened.k, BYTES(zeros), mac);
	token_destroy(t->s, opened.k);
	return o;
}

static void write_speed(struct json_out *o, const char *name,
	enum outcome (*operation)(struct trial *), struct trial *t)
{
	double start = cpu_us();

	for (int i = 0; i < ROUNDS; i++)
		if (operation(t) != FINE) {
			json_key(o, name);
			json_raw(o, "null", 4);
			return;
		}
	json_member_number(o, name, (int64_t)((cpu_us() - start) / ROUNDS + 0.5));
}

static void write_uses(struct json_out *o, const struct token_session *s)
{
	bool has_x25519 = token_newest(s, KEY_USE_SUCI_A) != NULL;

	json_key(o, "uses");
	json_open(o, '{');
	json_member_text(o, "agreement", agreement_mode_name(s->mode));
	json_member_text(o, "signature", "CKM_ECDSA, SHA-256 outside");
	json_member_text(o, "sealing", "CKM_AES_KEY_WRAP of a data key a batch");
	json_member_text(o, "authentication", "CKM_AES_ECB under a K unwrapped inside the token");
	json_member_text(o, "deviceKeys", "CKM_AES_CMAC under a K unwrapped inside the token");
	json_member_text(o, "suciProfileA",
		has_x25519 ? "CKM_ECDH1_DERIVE with CKD_NULL, X9.63 outside"
			   : "none: no key of use suci-a");
	json_close(o, '}');
}

static void write_speeds(struct json_out *o, struct trial *t)
{
	write_speed(o, "ecdhUs", try_agree, t);
	write_speed(o, "x25519Us", try_x25519, t);
	write_speed(o, "signUs", try_sign, t);
	write_speed(o, "dataKeyUs", try_data_key, t);
	write_speed(o, "openAndEncryptUs", try_encrypt, t);
	write_speed(o, "openAndCmacUs", try_cmac, t);
}

void probe_write(struct json_out *o, struct token_session *s)
{
	struct trial t = { .s = s };
	uint8_t scalar[P256_SCALAR_LEN], k[16] = { 0 };
	bool good = token_find_keys(s, true) == FINE && p256_generate(scalar, t.peer) == FINE &&
		    data_key_make(s, &t.data_key) == FINE &&
		    seal_keys(&t.data_key, BYTES(k), k, &t.sealed) == FINE;

	s->mode = token_probe_agreement(s);
	wipe(scalar, sizeof(scalar));
	json_open(o, '{');
	write_mechanisms(o, s);
	write_uses(o, s);
	json_key(o, "speed");
	json_open(o, '{');
	if (good)
		write_speeds(o, &t);
	json_close(o, '}');
	json_close(o, '}');
	data_key_end(s, &t.data_key);
}
