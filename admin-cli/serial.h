/* Serial numbers as people copy them from other tools. */
#ifndef ADMIN_CLI_SERIAL_H
#define ADMIN_CLI_SERIAL_H

#include <stdbool.h>
#include <stddef.h>

/* 20 bytes (RFC 5280 section 4.1.2.2) and a NUL. */
#define SERIAL_TEXT_SIZE 41

/*
 * Hex of either case, with or without 0x, colons between bytes and leading zeros, to what the server
 * reads: lower case, whole bytes, no leading zero byte. false where it is no such number or too long.
 */
bool serial_normalise(const char *text, char out[SERIAL_TEXT_SIZE]);

#endif
