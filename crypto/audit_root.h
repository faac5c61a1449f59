/*
 * The last signed root of the audit trail as a file that an operator keeps elsewhere: the name of the format,
 * then one line a field, "name value", numbers in decimal, bytes in hex. Pure.
 */
#ifndef CRYPTO_AUDIT_ROOT_H
#define CRYPTO_AUDIT_ROOT_H

#include "crypto/audit_chain.h"

#define AUDIT_ROOT_TEXT_MAX 2048

/* Returns the text's length; out holds it and a NUL. */
size_t audit_root_write(const struct audit_tree *t, char out[AUDIT_ROOT_TEXT_MAX]);
/* Strict: every field once, in the order they are written in; false for anything else. */
bool audit_root_read(const char *text, size_t len, struct audit_tree *out);

#endif
