/* Subscribers with an existing K: one from two files, or many from a list. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "admin-cli/commands.h"
#include "admin-cli/csv.h"
#include "admin-cli/import.h"
#include "admin-cli/intake.h"
#include "base/secret.h"

#define KEY_FILE_MAX 128

/* One subscriber on the way in. */
struct adding {
	struct intake *intake;
	enum outcome outcome;
};

static void on_feed(void *context)
{
	(void)context;
}

static void on_ended(void *context, uint64_t tag, enum outcome o, bool was_there)
{
	struct adding *a = context;

	(void)tag;
	(void)was_there;
	a->outcome = o;
	intake_break(a->intake);
}

static void warn_of_readers(const char *path)
{
	struct stat s;

	if (stat(path, &s) == 0 && (s.st_mode & 077) != 0)
		fprintf(stderr,
			"arpfctl: warning: %s has a key in it and others may read it; "
			"chmod 600 is better\n",
			path);
}

static enum cli_end read_key_file(const char *path, struct secret **content, struct bytes *hex)
{
	*content = secret_read_file(path, KEY_FILE_MAX);
	if (*content == NULL)
		return cli_refuse("FILE_NOT_READ", "%s: %s", path, strerror(errno));
	*hex = secret_bytes(*content);
	if (hex->len > 0 && hex->at[hex->len - 1] == '\r')
		hex->len--;
	return CLI_DONE;
}

static enum cli_end refuse_adding(enum outcome o)
{
	return cli_refuse_outcome(o, o == CONFLICT ? "the IMSI has a credential already" : NULL);
}

static enum cli_end add(struct cli *cli, uint64_t imsi, struct bytes k, struct bytes opc)
{
	static const struct intake_calls calls = { on_feed, on_ended };
	struct adding a = { .outcome = BROKEN };

	a.intake = intake_new(cli, &calls, &a);
	if (a.intake == NULL)
		return CLI_REFUSED;
	struct key_seal_subscriber_in *room = intake_take_room(a.intake);

	room->is_op = cli_option(cli, "op-file") != NULL;
	const char *wrong = csv_read_k(k, false, room);
	if (wrong == NULL)
		wrong = csv_read_opc(opc, room);
	if (wrong == NULL) {
		intake_add(a.intake, room, imsi, 0, 0);
		intake_run(a.intake);
	}
	enum outcome o = a.outcome;
	intake_free(a.intake);
	if (wrong != NULL)
		return cli_refuse_outcome(INVALID_PARAMETER, wrong);
	if (o != FINE)
		return refuse_adding(o);
	return cli->json ? cli_answer_json(json_pack("{s:s}", "supi", cli_option(cli, "supi")))
			 : CLI_DONE;
}

static enum cli_end start_secrets(void)
{
	return secret_start() ? CLI_DONE
			      : cli_refuse("NOT_STARTED",
					"no locked memory; see ulimit -l (LimitMEMLOCK)");
}

enum cli_end command_subscriber_add(struct cli *cli)
{
	const char *supi = cli_option(cli, "supi"), *k_file = cli_option(cli, "k-file");
	const char *opc_file = cli_option(cli, "opc-file"), *op_file = cli_option(cli, "op-file");
	struct secret *k_content = NULL, *opc_content = NULL;
	struct bytes k, opc;
	uint64_t imsi;

	if ((opc_file == NULL) == (op_file == NULL))
		return cli_misuse("one of --opc-file FILE and --op-file FILE is needed");
	const char *wrong = csv_read_supi(bytes_of_text(supi), cli->settings.home, &imsi);
	if (wrong != NULL)
		return cli_refuse_outcome(INVALID_PARAMETER, wrong);
	enum cli_end end = start_secrets();
	if (end != CLI_DONE)
		return end;
	warn_of_readers(k_file);
	end = read_key_file(k_file, &k_content, &k);
	if (end == CLI_DONE)
		end = read_key_file(opc_file != NULL ? opc_file : op_file, &opc_content, &opc);
	if (end == CLI_DONE)
		end = add(cli, imsi, k, opc);
	secret_free(k_content);
	secret_free(opc_content);
	return end;
}

static enum cli_end tell(const struct cli *cli, const struct import_counts *c)
{
	if (cli->json)
		return cli_answer_json(json_pack("{s:I, s:I, s:I, s:I, s:b}", "lines",
			(json_int_t)c->lines, "added", (json_int_t)c->added, "alreadyThere",
			(json_int_t)c->already_there, "refused", (json_int_t)c->refused, "done",
			(int)c->is_done));
	printf("%lld added, %lld already there, %lld refused\n", (long long)c->added,
		(long long)c->already_there, (long long)c->refused);
	return CLI_DONE;
}

enum cli_end command_subscriber_import(struct cli *cli)
{
	struct import_settings settings = {
		.path = cli->arguments[0],
		.transport_key = cli_option(cli, "transport-key"),
		.restart = cli_option(cli, "restart") != NULL,
	};
	struct import_counts counts;

	if (settings.transport_key != NULL &&
		(settings.transport_key[0] == '\0' ||
			strlen(settings.transport_key) > KEY_LABEL_LEN))
		return cli_refuse_outcome(
			INVALID_PARAMETER, "a key's label has from 1 to 32 characters");
	enum cli_end end = start_secrets();
	if (end != CLI_DONE)
		return end;
	end = import_run(cli, &settings, &counts);
	if (counts.lines == 0)
		return end;
	enum cli_end told = tell(cli, &counts);

	return end != CLI_DONE ? end : told;
}
