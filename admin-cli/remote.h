/*
 * The server's administration API (docs/openapi.yaml) as arpfctl calls it: one request after the
 * other over one connection, by the Unix socket of the configuration, --socket, or --url. One thread.
 */
#ifndef ADMIN_CLI_REMOTE_H
#define ADMIN_CLI_REMOTE_H

#include "admin-cli/cli.h"

struct remote_answer {
	bool reached; /* false: nobody answered, nothing has been said on stderr */
	int status;   /* 0 where not reached */
	json_t *json; /* NULL where there is none */
};

/*
 * path: "/admin/v1/…", escaped. Takes the reference of body (NULL: none). CLI_REFUSED: no 2xx, the reason has
 * been said unless it is that the server was not reached. The caller releases answer->json.
 */
enum cli_end remote_try(struct cli *cli, const char *method, const char *path, json_t *body,
	struct remote_answer *answer);
/* A GET for which a server that answers 503, as one that is stopping does, counts as not reached. */
enum cli_end remote_look(struct cli *cli, const char *path, struct remote_answer *answer);
/* As remote_try(), and says that the server was not reached. */
enum cli_end remote_call(struct cli *cli, const char *method, const char *path, json_t *body,
	struct remote_answer *answer);
/* Says where the server was looked for, and why that failed. */
enum cli_end remote_refuse_unreached(struct cli *cli);
/* Each item of a list, page after page; `page` after each page. What they answer other than CLI_DONE ends it. */
enum cli_end remote_each(struct cli *cli, const char *path,
	enum cli_end (*item)(void *context, json_t *item), enum cli_end (*page)(void *context),
	void *context);
/* A list whose pages hang together by a cursor: `next` of one is this parameter of the one after it. */
struct remote_list {
	const char *path;   /* may have a query */
	const char *cursor; /* "after", "before" */
	json_int_t most;    /* so many items at most; 0: all */
};
enum cli_end remote_each_of(struct cli *cli, const struct remote_list *list,
	enum cli_end (*item)(void *context, json_t *item), enum cli_end (*page)(void *context),
	void *context);
void remote_end(struct cli *cli);
/* Appends a word of the user's to a path, escaped; false where out is too small. */
bool remote_path(const char *path, const char *word, char *out, size_t size);
/* Appends "?name=value", or "&name=value", to a path, escaped; false where there is no room for it. */
bool remote_query(char *path, size_t size, const char *name, const char *value);

/* Readers that never fail: "" or -1 where the member is not of this kind. */
const char *remote_text(const json_t *in, const char *name);
json_int_t remote_number(const json_t *in, const char *name);

#endif
