#include "server/http_head.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct head {
	const char *length, *coding;
	unsigned hosts;
	const char *fault;
};

static const char *find_length_fault(struct head *h, const char *value)
{
	if (h->length != NULL && strcmp(h->length, value) != 0)
		return "The request has two values of Content-Length.";
	h->length = value;
	return NULL;
}

/* The only one there is in this server; libmicrohttpd would read a body in any other to the connection's end. */
static const char *find_coding_fault(struct head *h, const char *value)
{
	if (h->coding != NULL || strcasecmp(value, "chunked") != 0)
		return "The only Transfer-Encoding is chunked, and once.";
	h->coding = value;
	return NULL;
}

static enum MHD_Result look_at_field(
	void *head, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct head *h = head;

	(void)kind;
	value = value != NULL ? value : "";
	/* The library takes "Content-Length :" for another field's name, and a CR for a part of the value. */
	if (name[strcspn(name, " \t")] != '\0' || strchr(value, '\r') != NULL)
		h->fault = "The request has a field with a space in its name, or a line end in its "
			   "value.";
	else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0)
		h->fault = find_length_fault(h, value);
	else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0)
		h->fault = find_coding_fault(h, value);
	else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0)
		h->hosts++;
	return h->fault == NULL ? MHD_YES : MHD_NO;
}

const char *http_head_find_fault(struct MHD_Connection *connection, const char *version)
{
	bool is_old = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
	struct head h = {};

	MHD_get_connection_values(connection, MHD_HEADER_KIND, look_at_field, &h);
	if (h.fault != NULL)
		return h.fault;
	if (h.coding != NULL && h.length != NULL)
		return "The request has a Content-Length and a Transfer-Encoding.";
	if (h.coding != NULL && is_old)
		return "A request of HTTP/1.0 has no Transfer-Encoding.";
	if (h.hosts > 1 || (h.hosts == 0 && !is_old))
		return "A request has one Host.";
	return NULL;
}

const char *http_head_path(const char *target)
{
	size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
			: strncasecmp(target, "https://", 8) == 0 ? 8
								  : 0;

	if (scheme == 0)
		return target;
	const char *path = strchr(target + scheme, '/');

	return path != NULL ? path : "/";
}
