/*
 * A key management service (RFC 6507 4.2, 5.1.1) for those without one: arpf-keyd's commands "ibs kms-init" and "ibs
 * issue ID KPAK WRAPPED-KSAK GENERATION". What they answer is public or wrapped by the KEK.
 */
#ifndef HSM_KEYD_IBS_COMMANDS_H
#define HSM_KEYD_IBS_COMMANDS_H

#include "base/json_out.h"
#include "hsm/keyd/token.h"

/* {"kpak", "wrappedKsak", "kekGeneration"} */
enum outcome ibs_command_kms_init(struct json_out *o, struct token_session *s);
/*
 * words: the four behind "issue". {"id", "pvt", "wrappedSsk", "kekGeneration"}. INVALID_PARAMETER where a word is not
 * what it should be; SIGNATURE_INVALID where KPAK is not that KSAK's.
 */
enum outcome ibs_command_issue(struct json_out *o, struct token_session *s, char **words);

#endif
