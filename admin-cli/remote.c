#include "admin-cli/remote.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_S 5L
#define TIMEOUT_S         60L
#define ANSWER_MOST       (16u * 1024u * 1024u)
#define URL_MAX           1024
#define CURSOR_MAX        80
#define PAGE_ROWS         1000

struct remote {
	CURL *curl;
	struct curl_slist *headers;
	const char *socket; /* NULL: by url */
	const char *url;    /* its origin */
	char error[CURL_ERROR_SIZE];
	char *at; /* of the answer */
	size_t len;
};

/* --url and --socket count first; then the configuration, where one was named; then $ARPF_URL. */
static void choose_place(struct cli *cli, struct remote *r)
{
	const char *url = cli_option(cli, "url"), *socket = cli_option(cli, "socket");

	if (url == NULL && socket == NULL && cli_config_path(cli) != NULL &&
		cli->settings.admin_socket[0] != '\0')
		socket = cli->settings.admin_socket;
	if (url == NULL && socket == NULL)
		url = getenv("ARPF_URL");
	if (url == NULL && socket == NULL)
		socket = cli->settings.admin_socket;
	r->socket = socket;
	r->url = socket == NULL ? url : "http://localhost";
}

static size_t on_answer(char *at, size_t size, size_t count, void *context)
{
	struct remote *r = context;
	size_t len = size * count;

	if (len > ANSWER_MOST - r->len)
		return 0;
	char *grown = realloc(r->at, r->len + len + 1);
	if (grown == NULL)
		return 0;
	memcpy(grown + r->len, at, len);
	r->at = grown;
	r->len += len;
	return len;
}

static const char *option_or_variable(struct cli *cli, const char *option, const char *variable)
{
	const char *given = cli_option(cli, option);

	return given != NULL ? given : getenv(variable);
}

static struct remote *open_remote(struct cli *cli)
{
	struct remote *r = calloc(1, sizeof(*r));

	if (r == NULL || (r->curl = curl_easy_init()) == NULL) {
		free(r);
		return NULL;
	}
	choose_place(cli, r);
	r->headers = curl_slist_append(NULL, "Content-Type: application/json");
	curl_easy_setopt(r->curl, CURLOPT_ERRORBUFFER, r->error);
	curl_easy_setopt(r->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(r->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(r->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(r->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(r->curl, CURLOPT_TIMEOUT, TIMEOUT_S);
	curl_easy_setopt(r->curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(r->curl, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, r->headers);
	curl_easy_setopt(r->curl, CURLOPT_UNIX_SOCKET_PATH, r->socket);
	const char *ca = option_or_variable(cli, "ca-file", "ARPF_CA_FILE");
	const char *certificate =
		option_or_variable(cli, "certificate-file", "ARPF_CERTIFICATE_FILE");

	curl_easy_setopt(r->curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (ca != NULL) {
		curl_easy_setopt(r->curl, CURLOPT_CAINFO, ca);
		curl_easy_setopt(r->curl, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(r->curl, CURLOPT_SSLCERT, certificate);
	curl_easy_setopt(
		r->curl, CURLOPT_SSLKEY, option_or_variable(cli, "key-file", "ARPF_KEY_FILE"));
	cli->remote = r;
	return r;
}

void remote_end(struct cli *cli)
{
	struct remote *r = cli->remote;

	if (r == NULL)
		return;
	curl_easy_cleanup(r->curl);
	curl_slist_free_all(r->headers);
	free(r->at);
	free(r);
	cli->remote = NULL;
}

static CURLcode perform(struct remote *r, const char *method, const char *path, const char *body)
{
	char url[URL_MAX];
	int n = snprintf(url, sizeof(url), "%s%s", r->url, path);

	if (n < 0 || (size_t)n >= sizeof(url))
		return CURLE_URL_MALFORMAT;
	r->len = 0;
	r->error[0] = '\0';
	curl_easy_setopt(r->curl, CURLOPT_URL, url);
	if (body != NULL)
		curl_easy_setopt(r->curl, CURLOPT_POSTFIELDS, body);
	else
		curl_easy_setopt(r->curl, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(r->curl, CURLOPT_CUSTOMREQUEST, method);
	CURLcode code = curl_easy_perform(r->curl);
	long error = 0;
	if (code == CURLE_COULDNT_CONNECT)
		curl_easy_getinfo(r->curl, CURLINFO_OS_ERRNO, &error);
	if (error != 0) /* curl's own words name a host and port that a socket does not have */
		snprintf(r->error, sizeof(r->error), "%s", strerror((int)error));
	else if (code != CURLE_OK && r->error[0] == '\0')
		snprintf(r->error, sizeof(r->error), "%s", curl_easy_strerror(code));
	/* The body is the caller's. */
	curl_easy_setopt(r->curl, CURLOPT_POSTFIELDS, NULL);
	return code;
}

/* "arpfctl: INVALID_PARAMETER: This is no PLMN. (plmn)" */
static enum cli_end refuse_by_problem(int status, const json_t *problem)
{
	const char *cause = remote_text(problem, "cause");
	const char *detail = remote_text(problem, "detail");
	const json_t *invalid = json_array_get(json_object_get(problem, "invalidParams"), 0);
	const char *param = remote_text(invalid, "param");

	if (cause[0] == '\0')
		return cli_refuse("UNEXPECTED_ANSWER",
			"the server answered with status %d and no cause", status);
	if (detail[0] == '\0')
		detail = remote_text(problem, "title");
	if (param[0] == '\0')
		return cli_refuse(cause, "%s", detail);
	return cli_refuse(cause, "%s: %s", param, detail);
}

/* is_patient: a server that answers 503 counts as not reached. */
static enum cli_end ask_server(struct cli *cli, const char *method, const char *path, json_t *body,
	bool is_patient, struct remote_answer *answer)
{
	struct remote *r = cli->remote != NULL ? cli->remote : open_remote(cli);
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	bool is_whole = r != NULL && (body == NULL) == (text == NULL);
	enum cli_end end = CLI_REFUSED;
	long status = 0;

	*answer = (struct remote_answer){ 0 };
	json_decref(body);
	CURLcode code = is_whole ? perform(r, method, path, text) : CURLE_OUT_OF_MEMORY;
	free(text);
	if (!is_whole)
		return cli_refuse_outcome(NO_MEMORY, NULL);
	if (code != CURLE_OK)
		return CLI_REFUSED;
	curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
	answer->reached = !is_patient || status != 503;
	answer->status = (int)status;
	answer->json = r->len > 0 ? json_loadb(r->at, r->len, 0, NULL) : NULL;
	if (status >= 200 && status < 300 && (r->len == 0) == (answer->json == NULL))
		return CLI_DONE;
	if (answer->reached)
		end = refuse_by_problem(answer->status, answer->json);
	else
		snprintf(r->error, sizeof(r->error), "%s", remote_text(answer->json, "detail"));
	json_decref(answer->json);
	answer->json = NULL;
	return end;
}

enum cli_end remote_try(struct cli *cli, const char *method, const char *path, json_t *body,
	struct remote_answer *answer)
{
	return ask_server(cli, method, path, body, false, answer);
}

enum cli_end remote_look(struct cli *cli, const char *path, struct remote_answer *answer)
{
	return ask_server(cli, "GET", path, NULL, true, answer);
}

enum cli_end remote_refuse_unreached(struct cli *cli)
{
	const struct remote *r = cli->remote;

	return cli_refuse("SERVER_NOT_REACHABLE", "server not reachable at %s: %s",
		r->socket != NULL ? r->socket : r->url, r->error);
}

enum cli_end remote_call(struct cli *cli, const char *method, const char *path, json_t *body,
	struct remote_answer *answer)
{
	enum cli_end end = remote_try(cli, method, path, body, answer);

	return end != CLI_DONE && !answer->reached && cli->remote != NULL
		       ? remote_refuse_unreached(cli)
		       : end;
}

/* Which page is next; an empty cursor is the first. */
struct place {
	char cursor[CURSOR_MAX];
	json_int_t left; /* of the items that are wanted at most */
	bool is_last;
};

/* A page that does not lead on would be asked for for ever. */
static void move_on(struct place *at, const json_t *next)
{
	char cursor[CURSOR_MAX] = "";

	if (json_is_integer(next))
		snprintf(cursor, sizeof(cursor), "%" JSON_INTEGER_FORMAT, json_integer_value(next));
	else if (json_is_string(next) && json_string_length(next) < sizeof(cursor))
		snprintf(cursor, sizeof(cursor), "%s", json_string_value(next));
	at->is_last = cursor[0] == '\0' || strcmp(cursor, at->cursor) == 0 ||
		      (json_is_integer(next) &&
			      json_integer_value(next) <= strtoll(at->cursor, NULL, 10));
	memcpy(at->cursor, cursor, sizeof(cursor));
}

static enum cli_end ask_page(struct cli *cli, const struct remote_list *list,
	const struct place *at, struct remote_answer *answer)
{
	char url[URL_MAX], limit[24];
	json_int_t rows = at->left < PAGE_ROWS ? at->left : PAGE_ROWS;

	snprintf(limit, sizeof(limit), "%" JSON_INTEGER_FORMAT, rows);
	int n = snprintf(url, sizeof(url), "%s", list->path);
	if (n < 0 || (size_t)n >= sizeof(url) || !remote_query(url, sizeof(url), "limit", limit) ||
		(at->cursor[0] != '\0' &&
			!remote_query(url, sizeof(url), list->cursor, at->cursor)))
		return cli_refuse_outcome(INVALID_PARAMETER, "this is too long");
	return remote_call(cli, "GET", url, NULL, answer);
}

static enum cli_end show_page(struct cli *cli, const struct remote_list *list, struct place *at,
	enum cli_end (*item)(void *context, json_t *item), void *context)
{
	struct remote_answer answer;
	enum cli_end end = ask_page(cli, list, at, &answer);

	if (end != CLI_DONE)
		return end;
	json_t *items = json_object_get(answer.json, "items");
	for (size_t i = 0; i < json_array_size(items) && end == CLI_DONE && at->left > 0; i++) {
		end = item(context, json_array_get(items, i));
		at->left--;
	}
	move_on(at, json_object_get(answer.json, "next"));
	json_decref(answer.json);
	return end;
}

enum cli_end remote_each_of(struct cli *cli, const struct remote_list *list,
	enum cli_end (*item)(void *context, json_t *item), enum cli_end (*page)(void *context),
	void *context)
{
	struct place at = { .left = list->most > 0 ? list->most : INT64_MAX };
	enum cli_end end;

	do {
		end = show_page(cli, list, &at, item, context);
		if (end == CLI_DONE)
			end = page(context);
	} while (end == CLI_DONE && !at.is_last && at.left > 0);
	return end;
}

enum cli_end remote_each(struct cli *cli, const char *path,
	enum cli_end (*item)(void *context, json_t *item), enum cli_end (*page)(void *context),
	void *context)
{
	const struct remote_list list = { .path = path, .cursor = "after" };

	return remote_each_of(cli, &list, item, page, context);
}

/* Percent-encoded behind the `len` characters there are; false where out is too small. */
static bool write_word(const char *word, char *out, size_t size, size_t len)
{
	for (; *word != '\0' && len + 3 < size; word++) {
		bool plain = isalnum((unsigned char)*word) || strchr("-._~@", *word) != NULL;
		int n = snprintf(
			out + len, size - len, plain ? "%c" : "%%%02X", (unsigned char)*word);

		len += (size_t)n;
	}
	return *word == '\0';
}

bool remote_path(const char *path, const char *word, char *out, size_t size)
{
	int n = snprintf(out, size, "%s/", path);

	return write_word(word, out, size, n > 0 ? (size_t)n : 0);
}

bool remote_query(char *path, size_t size, const char *name, const char *value)
{
	size_t len = strlen(path);
	int n = snprintf(
		path + len, size - len, "%c%s=", strchr(path, '?') != NULL ? '&' : '?', name);

	return n > 0 && (size_t)n < size - len && write_word(value, path, size, len + (size_t)n);
}

const char *remote_text(const json_t *in, const char *name)
{
	const char *text = json_string_value(json_object_get(in, name));

	return text != NULL ? text : "";
}

json_int_t remote_number(const json_t *in, const char *name)
{
	const json_t *member = json_object_get(in, name);

	return json_is_integer(member) ? json_integer_value(member) : -1;
}
