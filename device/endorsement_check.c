#include "device/endorsement_check.h"

#include "base/imsi.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"

enum outcome endorsement_check(struct signature_checker *c, const struct batch_signature *s,
	struct bytes atk, uint64_t dimsi, const char *se_id, uint64_t issued_at)
{
	uint8_t room[256], token_hash[SHA256_LEN];
	char digits[IMSI_DIGITS + 1];
	struct transcript t = transcript_start(room, sizeof(room), "arpf endorsement v1");
	struct bytes message;
	enum outcome o = sha256(&atk, 1, token_hash);

	if (o != FINE)
		return o;
	imsi_write(dimsi, digits);
	transcript_add(&t, BYTES(token_hash));
	transcript_add_text(&t, digits);
	transcript_add_text(&t, se_id);
	transcript_add_u64(&t, issued_at);
	return transcript_end(&t, &message) ? batch_signature_check(c, s, message) : BROKEN;
}
