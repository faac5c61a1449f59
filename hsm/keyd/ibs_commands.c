#include "hsm/keyd/ibs_commands.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/secret.h"
#include "hsm/keyd/wrapped_secret.h"

/* In locked memory. */
struct ibs_secrets {
	uint8_t ksak[ECCSI_SCALAR_LEN], ssk[ECCSI_SCALAR_LEN];
};

/* The KMS as its commands' words have it. */
struct kms {
	struct bytes id;
	uint8_t kpak[ECCSI_POINT_LEN], wrapped_ksak[IBS_WRAPPED_LEN];
	unsigned kek_generation;
};

enum outcome ibs_command_kms_init(struct json_out *o, struct token_session *s)
{
	struct ibs_secrets *secrets = OPENSSL_secure_zalloc(sizeof(*secrets));
	uint8_t kpak[ECCSI_POINT_LEN], wrapped[IBS_WRAPPED_LEN];
	uint16_t generation = 0;
	enum outcome outcome = secrets != NULL ? eccsi_kms_new(secrets->ksak, kpak) : NO_MEMORY;

	if (outcome == FINE)
		outcome = wrapped_secret_close(s, secrets->ksak, wrapped, &generation);
	OPENSSL_secure_clear_free(secrets, sizeof(*secrets));
	if (outcome != FINE) {
		log_error("kms_not_made", "outcome=%s", outcome_name(outcome));
		return outcome;
	}
	json_open(o, '{');
	json_member_base64(o, "kpak", BYTES(kpak));
	json_member_base64(o, "wrappedKsak", BYTES(wrapped));
	json_member_number(o, "kekGeneration", generation);
	json_close(o, '}');
	return FINE;
}

static bool read_base64(const char *text, uint8_t *out, size_t len)
{
	uint8_t room[BASE64_LEN(ECCSI_POINT_LEN) / 4 * 3];
	size_t text_len = strlen(text), got;

	if (text_len != BASE64_LEN(len) || text_len / 4 * 3 > sizeof(room) ||
		!base64_read(text, text_len, room, &got) || got != len)
		return false;
	memcpy(out, room, len);
	return true;
}

static bool read_words(char **words, struct kms *kms)
{
	char *end;
	unsigned long generation = strtoul(words[3], &end, 10);

	kms->id = bytes_of_text(words[0]);
	kms->kek_generation = (unsigned)generation;
	return kms->id.len > 0 && kms->id.len <= IBS_ID_MAX &&
	       read_base64(words[1], kms->kpak, sizeof(kms->kpak)) &&
	       read_base64(words[2], kms->wrapped_ksak, sizeof(kms->wrapped_ksak)) &&
	       end != words[3] && *end == '\0' && generation > 0 && generation < 65536 &&
	       p256_check_point(BYTES(kms->kpak)) == FINE;
}

/* The pair is checked before it is given out: a KPAK of another KSAK would make signatures that nobody can verify. */
static enum outcome issue(struct token_session *s, const struct kms *kms,
	struct ibs_secrets *secrets, struct ibs_identity *identity)
{
	enum outcome o =
		wrapped_secret_open(s, kms->wrapped_ksak, kms->kek_generation, secrets->ksak);

	if (o == FINE)
		o = eccsi_extract(secrets->ksak, kms->kpak, kms->id, secrets->ssk, identity->pvt);
	if (o == FINE)
		o = eccsi_check_pair(kms->kpak, kms->id, secrets->ssk, identity->pvt);
	if (o == FINE)
		o = wrapped_secret_close(
			s, secrets->ssk, identity->wrapped_ssk, &identity->kek_generation);
	return o;
}

enum outcome ibs_command_issue(struct json_out *o, struct token_session *s, char **words)
{
	struct ibs_secrets *secrets = OPENSSL_secure_zalloc(sizeof(*secrets));
	struct ibs_identity identity = { 0 };
	struct kms kms;
	enum outcome outcome = secrets == NULL           ? NO_MEMORY
			       : read_words(words, &kms) ? FINE
							 : INVALID_PARAMETER;

	if (outcome == FINE)
		outcome = issue(s, &kms, secrets, &identity);
	OPENSSL_secure_clear_free(secrets, sizeof(*secrets));
	if (outcome != FINE) {
		log_error("identity_not_issued", "outcome=%s", outcome_name(outcome));
		return outcome;
	}
	json_open(o, '{');
	json_member_text(o, "id", words[0]);
	json_member_base64(o, "pvt", BYTES(identity.pvt));
	json_member_base64(o, "wrappedSsk", BYTES(identity.wrapped_ssk));
	json_member_number(o, "kekGeneration", identity.kek_generation);
	json_close(o, '}');
	return FINE;
}
