#include "peers/http_transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "peers/address_policy.h"
#include "peers/http_freshness.h"

#define FIRST_ANSWER 2048u
#define HEADERS_MOST (16u * 1024)  /* of a request that is held to a policy */
#define UPLOAD_SIZE  (256l * 1024) /* a batch goes to the socket in few writes */

/* The memory of an answer; struct http_request knows only where its bytes begin. */
struct block {
	size_t cap;
	uint8_t at[];
};

static struct block *block_of(const struct http_request *r)
{
	if (r->answer.at == NULL)
		return NULL;
	return (struct block *)(void *)((uint8_t *)(uintptr_t)r->answer.at -
					offsetof(struct block, at));
}

static bool grow(struct http_request *r, size_t len)
{
	struct block *b = block_of(r);
	size_t cap = b != NULL ? b->cap : FIRST_ANSWER;

	if (b != NULL && len <= cap)
		return true;
	while (cap < len)
		cap *= 2;
	b = realloc(b, sizeof(*b) + cap);
	if (b == NULL)
		return false;
	b->cap = cap;
	r->answer.at = b->at;
	return true;
}

/* libcurl's: anything but size * count ends the transfer. */
static size_t on_body(char *at, size_t size, size_t count, void *context)
{
	struct http_request *r = ((struct transfer *)context)->request;
	size_t len = size * count;

	if (len > r->most - r->answer.len || !grow(r, r->answer.len + len))
		return CURL_WRITEFUNC_ERROR;
	memcpy(block_of(r)->at + r->answer.len, at, len);
	r->answer.len += len;
	return len;
}

/* libcurl's: a line at a time, also those of interim answers. */
static size_t on_header(char *at, size_t size, size_t count, void *context)
{
	struct transfer *t = context;
	size_t len = size * count;

	(void)at;
	t->headers_len += len;
	return t->headers_len <= HEADERS_MOST ? len : CURL_WRITEFUNC_ERROR;
}

/* libcurl's, with the address it is about to connect to. */
static curl_socket_t on_open_socket(
	void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	const struct fetch_policy *policy = ((struct transfer *)context)->request->policy;
	char host[80];

	if (purpose == CURLSOCKTYPE_IPCXN &&
		address_is_allowed(&address->addr, policy->host, policy->networks))
		return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	log_warning("peer_address_refused", "host=%s family=%d",
		log_value(policy->host, host, sizeof(host)), address->family);
	return CURL_SOCKET_BAD;
}

void transfer_free(struct transfer *t)
{
	if (t == NULL)
		return;
	curl_slist_free_all(t->headers);
	curl_easy_cleanup(t->easy);
	http_identity_give_back(t->identity);
	free(t);
}

static bool set_blob(CURL *e, CURLoption option, struct bytes pem)
{
	struct curl_blob blob = { .data = (void *)(uintptr_t)pem.at, .len = pem.len };

	return pem.len == 0 || curl_easy_setopt(e, option, &blob) == CURLE_OK;
}

/*
 * A folder's CAs would be trusted beside the file's, and the file read again for every connection: libcurl
 * keeps what it has read where there is no folder.
 */
static bool set_no_folder(CURL *e, bool has_own)
{
	bool has_file = has_own || curl_version_info(CURLVERSION_NOW)->cainfo != NULL;

	return !has_file || curl_easy_setopt(e, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

/* The bytes are the identity's own. */
static bool set_identity(struct transfer *t, struct http_identity *i)
{
	t->identity = http_identity_take(i);
	return set_blob(t->easy, CURLOPT_CAINFO_BLOB, i->ca) &&
	       set_blob(t->easy, CURLOPT_SSLCERT_BLOB, i->certificate) &&
	       set_blob(t->easy, CURLOPT_SSLKEY_BLOB, i->key) &&
	       set_no_folder(t->easy, i->ca.len > 0);
}

static bool set_once(struct transfer *t, const struct http_client_settings *s)
{
	CURL *e = t->easy;
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{ CURLOPT_NOSIGNAL, 1 },
		{ CURLOPT_QUICK_EXIT, 1 }, /* a name that resolves slowly is not waited for */
		{ CURLOPT_PATH_AS_IS, 1 },
		{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
		{ CURLOPT_FOLLOWLOCATION, 0 },
		{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
		{ CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_SIZE },
	};
	const struct {
		CURLoption option;
		const char *value;
	} texts[] = {
		{ CURLOPT_PROTOCOLS_STR, "http,https" },
		{ CURLOPT_NOPROXY, "*" },
		{ CURLOPT_UNIX_SOCKET_PATH, s->unix_socket },
	};
	bool fine = curl_easy_setopt(e, CURLOPT_PRIVATE, t) == CURLE_OK &&
		    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
		    curl_easy_setopt(e, CURLOPT_WRITEDATA, t) == CURLE_OK;

	for (size_t i = 0; fine && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		fine = curl_easy_setopt(e, numbers[i].option, numbers[i].value) == CURLE_OK;
	for (size_t i = 0; fine && i < sizeof(texts) / sizeof(texts[0]); i++)
		fine = texts[i].value == NULL ||
		       curl_easy_setopt(e, texts[i].option, texts[i].value) == CURLE_OK;
	return fine && (s->identity == NULL || set_identity(t, s->identity));
}

struct transfer *transfer_new(struct http_client *c, const struct http_client_settings *settings)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->client = c;
	t->easy = curl_easy_init();
	if (t->easy == NULL || !set_once(t, settings)) {
		transfer_free(t);
		return NULL;
	}
	return t;
}

static bool set_policy(struct transfer *t, const struct fetch_policy *policy)
{
	CURL *e = t->easy;
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		/* A connection from before was not checked; one kept would be taken for a peer's. */
		{ CURLOPT_FRESH_CONNECT, 1 },
		{ CURLOPT_FORBID_REUSE, 1 },
		{ CURLOPT_HTTPAUTH, CURLAUTH_NONE },
		{ CURLOPT_NETRC, CURL_NETRC_IGNORED },
		{ CURLOPT_HTTP_CONTENT_DECODING, 0 },
		{ CURLOPT_SSL_VERIFYPEER, 1 },
		{ CURLOPT_SSL_VERIFYHOST, 2 },
	};
	bool fine = curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket) == CURLE_OK &&
		    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t) == CURLE_OK &&
		    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
		    curl_easy_setopt(e, CURLOPT_HEADERDATA, t) == CURLE_OK &&
		    curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK &&
		    (policy->ca_file == NULL ||
			    curl_easy_setopt(e, CURLOPT_CAINFO, policy->ca_file) == CURLE_OK);

	for (size_t i = 0; fine && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		fine = curl_easy_setopt(e, numbers[i].option, numbers[i].value) == CURLE_OK;
	return fine && set_no_folder(e, policy->ca_file != NULL);
}

struct transfer *transfer_new_held(struct http_client *c, const struct fetch_policy *policy)
{
	struct transfer *t = transfer_new(c, &(struct http_client_settings){ 0 });

	if (t == NULL || set_policy(t, policy))
		return t;
	transfer_free(t);
	return NULL;
}

/* No "Expect: 100-continue", which costs a round trip; libcurl's own Content-Type is never right. */
static bool set_headers(struct transfer *t, const char *content_type)
{
	char line[96];
	struct curl_slist *more;

	if (content_type == NULL)
		content_type = "";
	if (t->headers != NULL && strcmp(t->content_type, content_type) == 0)
		return true;
	if (snprintf(t->content_type, sizeof(t->content_type), "%s", content_type) >=
		(int)sizeof(t->content_type))
		return false;
	snprintf(line, sizeof(line), "Content-Type: %s", content_type);
	curl_slist_free_all(t->headers);
	t->headers = curl_slist_append(NULL, "Expect:");
	more = curl_slist_append(t->headers, content_type[0] != '\0' ? line : "Content-Type:");
	return t->headers != NULL && more != NULL &&
	       curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
}

static bool add_accept(struct transfer *t, const char *accept)
{
	char line[256];

	return snprintf(line, sizeof(line), "Accept: %s", accept) < (int)sizeof(line) &&
	       curl_slist_append(t->headers, line) != NULL &&
	       curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
}

static bool set_method(CURL *e, const struct http_request *r)
{
	bool is_post = strcmp(r->method, "POST") == 0;
	bool is_get = strcmp(r->method, "GET") == 0;
	bool has_body = is_post || strcmp(r->method, "PUT") == 0 || r->body.len > 0;

	if (curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, is_post || is_get ? NULL : r->method) !=
		CURLE_OK)
		return false;
	if (!has_body)
		return curl_easy_setopt(e, CURLOPT_HTTPGET, 1l) == CURLE_OK;
	return curl_easy_setopt(e, CURLOPT_POST, 1l) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len) ==
		       CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_POSTFIELDS,
		       r->body.len > 0 ? (const char *)r->body.at : "") == CURLE_OK;
}

bool transfer_set_request(struct transfer *t, struct http_request *r)
{
	int64_t until_ms = r->policy != NULL && r->policy->until_ms < r->deadline_ms
				   ? r->policy->until_ms
				   : r->deadline_ms;
	int64_t left_ms = until_ms - clock_ms();

	/* To libcurl 0 is no limit at all. */
	if (left_ms < 1)
		left_ms = 1;
	t->request = r;
	r->status = 0;
	r->answer.len = 0;
	r->answer_type[0] = '\0';
	r->fresh_s = 0;
	free(r->location);
	r->location = NULL;
	return set_headers(t, r->content_type) && set_method(t->easy, r) &&
	       (r->policy == NULL || add_accept(t, r->policy->accept)) &&
	       curl_easy_setopt(t->easy, CURLOPT_URL, r->url) == CURLE_OK &&
	       curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)left_ms) == CURLE_OK;
}

static int64_t read_freshness(CURL *e)
{
	static const char *const names[] = { "Cache-Control", "Vary", "Age", "Expires", "Date" };
	struct http_freshness f = { 0 };
	struct curl_header *h;

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		for (size_t i = 0;
			curl_easy_header(e, names[n], i, CURLH_HEADER, -1, &h) == CURLHE_OK; i++)
			http_freshness_add(&f, names[n], h->value);
	return http_freshness_left(&f, clock_unix());
}

static bool read_redirect(CURL *e, struct http_request *r)
{
	const char *location = NULL;

	if (curl_easy_getinfo(e, CURLINFO_REDIRECT_URL, &location) != CURLE_OK || location == NULL)
		return true;
	r->location = strdup(location);
	return r->location != NULL;
}

enum outcome transfer_result(struct transfer *t, CURLcode result)
{
	struct http_request *r = t->request;
	long status = 0;
	const char *type = NULL;

	if (result != CURLE_OK) {
		char why[96];

		log_debug("peer_request_failed", "method=%s reason=%s", r->method,
			log_value(curl_easy_strerror(result), why, sizeof(why)));
		return result == CURLE_OPERATION_TIMEDOUT ? PEER_TIMEOUT : PEER_FAILED;
	}
	if (curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status == 0)
		return PEER_FAILED;
	r->status = (int)status;
	if (curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type != NULL &&
		strlen(type) < sizeof(r->answer_type))
		memcpy(r->answer_type, type, strlen(type) + 1);
	if (r->policy == NULL)
		return FINE;
	r->fresh_s = read_freshness(t->easy);
	return read_redirect(t->easy, r) ? FINE : PEER_FAILED;
}

void http_request_clear(struct http_request *request)
{
	free(block_of(request));
	request->answer = bytes_of(NULL, 0);
	free(request->location);
	request->location = NULL;
}
