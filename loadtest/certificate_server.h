/*
 * The web site of a certification authority (Solution #12.z, step 3): GET /DeviceID=<id> on 127.0.0.1 answers
 * with the device's chain as application/pem-certificate-chain, fresh for an hour. HTTP/1.1, connections kept
 * alive. On the caller's loop and its thread.
 */
#ifndef LOADTEST_CERTIFICATE_SERVER_H
#define LOADTEST_CERTIFICATE_SERVER_H

#include <ev.h>

#include "base/bytes.h"

#define CERTIFICATE_ANSWER_MAX 8192

struct certificate_server;

/*
 * find writes a device's chain in PEM; false: there is no such device, which is answered 404. port 0: a free
 * one. NULL, with the reason on stderr, where there is no port.
 */
struct certificate_server *certificate_server_new(struct ev_loop *loop, uint16_t port,
	bool (*find)(void *context, struct bytes device_id, struct buffer *pem), void *context);
/* NULL is allowed. Before the loop's end. */
void certificate_server_free(struct certificate_server *s);
/* http://127.0.0.1:<port>/DeviceID=<id>; false where it does not fit. */
bool certificate_server_url(
	const struct certificate_server *s, const char *device_id, char *out, size_t size);
/* How many chains have been served. */
uint64_t certificate_server_served(const struct certificate_server *s);

#endif
