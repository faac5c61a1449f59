/*
 * Who a client is towards the servers it speaks to, and by which CAs it knows them: PEM files, read into memory
 * once, because libcurl would open them on the loop, for each connection. Never changed, and counted. Any thread.
 */
#ifndef PEERS_HTTP_IDENTITY_H
#define PEERS_HTTP_IDENTITY_H

#include "base/bytes.h"

/* Paths; NULL or empty: none, and the system's CAs. */
struct http_identity_files {
	const char *ca, *certificate, *key;
};

struct http_identity {
	struct bytes ca, certificate, key; /* empty: none */
	_Atomic unsigned owners;
};

/* Opens files, and looks whether they are what they should be. NULL: the reason is in error. */
struct http_identity *http_identity_read(
	const struct http_identity_files *files, char *error, size_t error_size);
struct http_identity *http_identity_take(struct http_identity *i);
/* NULL is allowed. */
void http_identity_give_back(struct http_identity *i);

#endif
