#include "server/http_caller.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http_connection.h"

/* The Unix socket is for root and the server's own user. */
static enum outcome find_user(struct MHD_Connection *connection, struct http_caller *out)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (info == NULL || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return UNAUTHENTICATED;
	snprintf(out->name, sizeof(out->name), "unix:%u", (unsigned)peer.uid);
	return peer.uid == 0 || peer.uid == geteuid() ? FINE : UNAUTHENTICATED;
}

static enum outcome find_by_certificate(struct MHD_Connection *connection, struct http_caller *out)
{
	const struct http_connection *c = http_connection_of(connection);
	const struct tls_caller *caller;

	if (c == NULL)
		return UNAUTHENTICATED;
	enum outcome o = tls_who_calls(http_handshake_tls(c->handshake), &caller);

	out->roles &= caller->role;
	memcpy(out->name, caller->name, sizeof(out->name));
	return o;
}

void http_caller_find(
	const struct http *h, struct MHD_Connection *connection, struct http_caller *out)
{
	out->roles = h->settings.roles;
	out->name[0] = '\0';
	if (h->settings.is_unix)
		out->refusal = find_user(connection, out);
	else if (h->settings.tls != NULL)
		out->refusal = find_by_certificate(connection, out);
	else {
		snprintf(out->name, sizeof(out->name), "loopback");
		out->refusal = FINE;
	}
}
