#include "server/http_connection.h"

#include <stdlib.h>
#include <sys/socket.h>

static void free_connection(struct http_connection *c)
{
	if (c == NULL)
		return;
	http_handshake_end(c->handshake);
	http_reading_free(c->reading);
	free(c);
}

static struct http_connection *new_connection(struct http *h, struct MHD_Connection *connection)
{
	struct http_connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->reading = http_reading_new(h, connection);
	if (c->reading != NULL && h->settings.tls == NULL) {
		http_reading_expect(c->reading);
		return c;
	}
	if (c->reading != NULL)
		c->handshake = http_handshake_begin(h, connection, c->reading);
	if (c->handshake != NULL)
		return c;
	free_connection(c);
	return NULL;
}

void http_connection_on_notice(void *http, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = new_connection(http, connection);
		if (*context == NULL)
			shutdown(MHD_get_connection_info(
					 connection, MHD_CONNECTION_INFO_CONNECTION_FD)
					 ->connect_fd,
				SHUT_RDWR);
	} else {
		free_connection(*context);
		*context = NULL;
	}
}

struct http_connection *http_connection_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}
