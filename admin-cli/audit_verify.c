#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin-cli/audit_check.h"
#include "admin-cli/commands.h"
#include "admin-cli/files.h"
#include "admin-cli/keyd.h"
#include "admin-cli/remote.h"
#include "base/clock.h"
#include "base/progress.h"
#include "crypto/kdf.h"
#include "db/audit_store.h"
#include "pki/certificate.h"
#include "procedures/audit_root_file.h"
#include "procedures/audit_rows.h"

#define FAULTS_SHOWN 100
#define NO_ROOT_FILE \
	"the root file is not there: nothing tells whether the trail was cut off at its end"

struct verification {
	struct cli *cli;
	struct audit_signers signers;
	struct audit_check check;
	struct db_audit_extent extent;
	struct db_audit_reader *trees, *events;
	struct progress progress;
	uint64_t first; /* the tree to begin with */
	const char *root_path;
	bool root_is_missing;
	json_t *faults; /* as they are told */
};

/* ---- who may have signed */

/* A key of the HSM: what the database says of keys counts for nothing. */
static enum outcome add_key(struct audit_signers *signers, const json_t *key)
{
	uint8_t id[32], point[P256_POINT_LEN + 3];
	const char *key_id = remote_text(key, "keyId"), *text = remote_text(key, "publicKey");
	size_t len = strlen(text);

	if (strcmp(remote_text(key, "use"), "sign") != 0)
		return FINE;
	if (!hex_read(key_id, strlen(key_id), id, sizeof(id)) || len / 4 * 3 > sizeof(point) ||
		!base64_read(text, len, point, &len))
		return BROKEN;
	return audit_signers_add(signers, id, bytes_of(point, len));
}

static enum cli_end read_token(struct verification *v)
{
	json_t *answer;
	enum cli_end end = keyd_run(v->cli, (const char *const[]){ "keys", "list", NULL }, &answer);
	enum outcome o = FINE;

	if (end != CLI_DONE)
		return end;
	const json_t *keys = json_object_get(answer, "keys");

	for (size_t i = 0; i < json_array_size(keys) && o == FINE; i++)
		o = add_key(&v->signers, json_array_get(keys, i));
	json_decref(answer);
	if (o == FINE && v->signers.count == 0)
		return cli_refuse_outcome(RESOURCE_NOT_FOUND, "the HSM has no signing key");
	return o == FINE ? CLI_DONE
			 : cli_refuse_outcome(o, "the HSM's signing keys cannot be used");
}

static enum cli_end add_certificate(void *context, struct bytes der)
{
	struct certificate c;
	uint8_t id[32];
	enum outcome o = certificate_read(der, &c);

	if (o == FINE)
		o = sha256(&c.spki, 1, id);
	if (o == FINE)
		o = audit_signers_add(context, id, c.public_key);
	return o == FINE ? CLI_DONE
			 : cli_refuse_outcome(o, "a signer is a certificate of a P-256 key");
}

static enum cli_end read_signers(struct verification *v)
{
	const char *file = cli_option(v->cli, "signer");

	return file != NULL ? file_each_certificate(file, add_certificate, &v->signers)
			    : read_token(v);
}

/* ---- what was kept elsewhere */

/* Read before the trail, which then has this root or a later one. */
static enum cli_end read_root(struct verification *v)
{
	const char *given = cli_option(v->cli, "root-file");
	const char *path = given != NULL ? given : v->cli->settings.audit_root_file;

	if (path[0] == '\0' || cli_option(v->cli, "no-root-file") != NULL)
		return CLI_DONE;
	v->root_path = path;
	enum outcome o = audit_root_file_read(path, &v->check.root);

	v->root_is_missing = o == NO_ROW;
	if (o == NO_ROW)
		return CLI_DONE;
	return o == FINE ? CLI_DONE : cli_refuse("ROOT_FILE", "%s is no root file", path);
}

/* ---- faults */

static void write_id(char out[48], uint64_t xid, uint64_t number)
{
	snprintf(out, 48, "%" PRIu64 ".%" PRIu64, xid, number);
}

static json_t *fault_to_json(const struct audit_fault *f)
{
	json_t *o = json_pack("{s:s}", "fault", f->what);
	char at[CLOCK_TEXT_LEN], id[48];

	if (f->tree != 0)
		json_object_set_new(o, "tree", json_integer((json_int_t)f->tree));
	if (f->sealed_at != 0) {
		clock_write((int64_t)f->sealed_at, at);
		json_object_set_new(o, "sealedAt", json_string(at));
	}
	if (f->to_xid > f->from_xid) {
		json_object_set_new(o, "fromXid", json_integer((json_int_t)f->from_xid));
		json_object_set_new(o, "toXid", json_integer((json_int_t)f->to_xid));
	}
	if (!f->has_events)
		return o;
	if (f->expected != 0)
		json_object_set_new(o, "expected", json_integer((json_int_t)f->expected));
	json_object_set_new(o, "found", json_integer((json_int_t)f->found));
	if (f->first_xid != 0) {
		write_id(id, f->first_xid, f->first_number);
		json_object_set_new(o, "firstEvent", json_string(id));
		write_id(id, f->last_xid, f->last_number);
		json_object_set_new(o, "lastEvent", json_string(id));
	}
	return o;
}

static void print_fault(const struct audit_fault *f)
{
	char at[CLOCK_TEXT_LEN], first[48], last[48];

	if (f->tree == 0) {
		printf("%s%s", f->what, f->has_events ? "" : "\n");
		if (f->has_events)
			printf(": %" PRIu64 "\n", f->found);
		return;
	}
	printf("tree %" PRIu64, f->tree);
	if (f->sealed_at != 0) {
		clock_write((int64_t)f->sealed_at, at);
		printf(", sealed %s", at);
	}
	if (f->to_xid > f->from_xid)
		printf(", transactions %" PRIu64 " to %" PRIu64, f->from_xid, f->to_xid - 1);
	if (f->has_events && f->found > 0) {
		write_id(first, f->first_xid, f->first_number);
		write_id(last, f->last_xid, f->last_number);
		printf(", events %s to %s", first, last);
	}
	printf(": %s", f->what);
	if (f->has_events)
		printf("; %" PRIu64 " were sealed, %" PRIu64 " are there", f->expected, f->found);
	printf("\n");
}

static void on_fault(void *context, const struct audit_fault *fault)
{
	struct verification *v = context;

	if (v->check.faults > FAULTS_SHOWN)
		return;
	if (v->cli->json)
		json_array_append_new(v->faults, fault_to_json(fault));
	else
		print_fault(fault);
}

/* ---- from first to last */

/* Servers seal on: what has come since the check began is for the next one. */
static enum outcome next_tree(struct verification *v, struct audit_tree *out)
{
	struct db_audit_tree row;
	enum outcome o = db_audit_next_tree(v->trees, &row);

	if (o == FINE && row.number > v->extent.last)
		return NO_ROW;
	if (o == FINE)
		(void)!audit_tree_from_row(&row, out); /* a false path fails with its signature */
	return o;
}

static struct audit_event event_of(const struct db_audit_event *e)
{
	return (struct audit_event){
		.xid = (uint64_t)e->xid,
		.number = (uint64_t)e->number,
		.at_ms = (uint64_t)e->at_ms,
		.action = (uint32_t)e->action,
		.outcome = (uint32_t)e->outcome,
		.subject = (uint64_t)e->subject,
		.related = (uint64_t)e->related,
		.actor = e->actor,
		.detail = e->detail,
	};
}

/* The trees, and with each the events up to its end; `event` is the first that is not of those before. */
static enum outcome check_trees(struct verification *v)
{
	struct db_audit_event row;
	struct audit_tree tree;
	enum outcome o = FINE, more = db_audit_next_event(v->events, &row);

	while ((more == FINE || more == NO_ROW) && (o = next_tree(v, &tree)) == FINE) {
		audit_check_tree(&v->check, &tree);
		while (more == FINE && row.xid < (int64_t)tree.to_xid) {
			struct audit_event event = event_of(&row);

			audit_check_event(&v->check, &event);
			progress_show(&v->progress, v->check.events);
			more = db_audit_next_event(v->events, &row);
		}
	}
	if (o != NO_ROW && o != FINE)
		return o;
	return more == NO_ROW ? FINE : more == FINE ? BROKEN : more;
}

/* Where the check begins in the middle: the tree before, whose own events are not looked at. */
static enum outcome read_base(struct verification *v, int64_t *from)
{
	struct audit_tree base;
	enum outcome o = FINE;

	*from = 0;
	if (v->first == 1)
		return FINE;
	o = next_tree(v, &base);
	if (o == FINE && base.number != v->first - 1)
		o = NO_ROW;
	if (o != FINE)
		return o;
	audit_check_base(&v->check, &base);
	*from = (int64_t)base.to_xid;
	return FINE;
}

static enum outcome check_trail(struct verification *v)
{
	const char *conninfo = v->cli->settings.database;
	int64_t from;
	enum outcome o = db_audit_extent(conninfo, (int64_t)v->first, &v->extent);

	if (o != FINE)
		return o;
	v->trees = db_audit_read_trees(conninfo, (int64_t)v->first - (v->first > 1 ? 2 : 1));
	o = v->trees != NULL ? read_base(v, &from) : DATABASE_UNAVAILABLE;
	if (o != FINE)
		return o;
	v->events = db_audit_read_events(conninfo, from, v->extent.sealed_upto);
	if (v->events == NULL)
		return DATABASE_UNAVAILABLE;
	v->progress = progress_start("events", 0, (uint64_t)v->extent.sealed);
	o = check_trees(v);
	progress_end(&v->progress, v->check.events);
	if (o == FINE)
		audit_check_end(&v->check);
	/* The server writes it with the first tree. */
	if (o == FINE && v->root_is_missing && v->check.trees > 0) {
		v->check.faults++;
		on_fault(v, &(struct audit_fault){ .what = NO_ROOT_FILE });
	}
	return o;
}

/* ---- the answer */

static json_t *root_to_json(const struct verification *v)
{
	if (v->check.root.number == 0)
		return json_null();
	return json_pack(
		"{s:s, s:I}", "path", v->root_path, "tree", (json_int_t)v->check.root.number);
}

static enum cli_end answer_json(struct verification *v)
{
	const struct audit_check *c = &v->check;
	enum cli_end end = cli_answer_json(json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:o, s:O}",
		"whole", (int)(c->faults == 0), "trees", (json_int_t)c->trees, "events",
		(json_int_t)c->events, "lastTree", (json_int_t)c->tree.number, "unsealed",
		(json_int_t)v->extent.unsealed, "faultCount", (json_int_t)c->faults, "rootFile",
		root_to_json(v), "faults", v->faults));

	return c->faults == 0 ? end : CLI_REFUSED;
}

static enum cli_end answer_text(const struct verification *v)
{
	const struct audit_check *c = &v->check;
	char at[CLOCK_TEXT_LEN];

	if (c->faults > FAULTS_SHOWN)
		printf("and %" PRIu64 " faults more\n", c->faults - FAULTS_SHOWN);
	printf("%" PRIu64 " trees with %" PRIu64 " events were checked", c->trees, c->events);
	if (c->tree.number != 0) {
		clock_write((int64_t)c->tree.sealed_at, at);
		printf("; the last is tree %" PRIu64 ", sealed %s", c->tree.number, at);
	}
	printf("\n");
	if (v->extent.unsealed > 0) {
		clock_write(v->extent.oldest_ms / 1000, at);
		printf("%" PRId64 " events wait to be sealed, since %s\n", v->extent.unsealed, at);
	}
	if (c->root.number == 0 && !v->root_is_missing)
		printf("no root file was looked at: a trail cut off at its end would look the "
		       "same\n");
	else if (c->faults == 0 && c->root.number != 0)
		printf("the root file names tree %" PRIu64 "%s\n", c->root.number,
			c->root_was_met ? ", and it is that" : ", which was not looked at");
	if (c->faults > 0)
		return cli_refuse("AUDIT_TRAIL",
			"the trail is not what was sealed; faults: %" PRIu64, c->faults);
	printf("the trail is whole\n");
	return CLI_DONE;
}

static enum cli_end verify(struct verification *v)
{
	enum cli_end end = read_signers(v);

	if (end == CLI_DONE)
		end = read_root(v);
	if (end != CLI_DONE)
		return end;
	enum outcome o = check_trail(v);

	if (o == NO_ROW)
		return cli_refuse("AUDIT_TRAIL", "tree %" PRIu64 " is not there to begin after",
			v->first - 1);
	if (o != FINE)
		return cli_refuse_outcome(o, "the trail could not be read");
	return v->cli->json ? answer_json(v) : answer_text(v);
}

enum cli_end command_audit_verify(struct cli *cli)
{
	const char *from = cli_option(cli, "from");
	char *end = NULL;
	struct verification *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return cli_refuse_outcome(NO_MEMORY, NULL);
	v->cli = cli;
	v->faults = json_array();
	v->first = from != NULL ? strtoull(from, &end, 10) : 1;
	v->check.signers = &v->signers;
	v->check.fault = on_fault;
	v->check.context = v;
	enum cli_end how = v->first >= 1 && v->first < INT64_MAX && (end == NULL || *end == '\0')
				   ? verify(v)
				   : cli_misuse("--from takes the number of a tree");

	db_audit_read_end(v->trees);
	db_audit_read_end(v->events);
	audit_signers_free(&v->signers);
	json_decref(v->faults);
	free(v);
	return how;
}
