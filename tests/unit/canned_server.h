/*
 * A server on a loopback port of its own, in a thread, that answers each connection's first request with
 * bytes the test has written down, and misbehaves as it is told to.
 */
#ifndef TESTS_UNIT_CANNED_SERVER_H
#define TESTS_UNIT_CANNED_SERVER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct canned_page {
	const char *path;
	const char *bytes; /* status line, headers and all; each @ becomes the server's port */
	size_t repeated;   /* the last byte again so often; SIZE_MAX: without end */
	int pause_ms;      /* before each of those */
};

struct canned_server;

/* pages: ended by one without a path; what is asked and not among them is 404. */
struct canned_server *canned_server_start(const struct canned_page *pages);
void canned_server_end(struct canned_server *s);
uint16_t canned_server_port(const struct canned_server *s);
/* Connections so far. */
int canned_server_connections(const struct canned_server *s);
/* The request it answered last. Only while nothing is under way. */
const char *canned_server_request(const struct canned_server *s);

#endif
