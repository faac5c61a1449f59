/* arpf-keyd's commands: what arpfctl has it do, with the answer as JSON on stdout. */
#ifndef HSM_KEYD_COMMANDS_H
#define HSM_KEYD_COMMANDS_H

#include "hsm/keyd/token.h"

/*
 * words: "keys init", "keys list", "keys rotate LABEL", "probe", "ibs kms-init", "ibs issue ID KPAK WRAPPED-KSAK
 * GENERATION". The exit status: 0, 1 failed, 2 used wrongly.
 */
int keyd_command(const struct settings *settings, char **words, int count);

#endif
