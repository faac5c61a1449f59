#include <stdlib.h>

#include "admin-cli/commands.h"
#include "admin-cli/files.h"
#include "admin-cli/list.h"
#include "admin-cli/remote.h"
#include "admin-cli/serial.h"
#include "pki/crl.h"

#define REVOCATIONS "/admin/v1/revocations"
#define CRLS        "/admin/v1/crls"

static const struct list_column columns[] = {
	{ "REVOKED", "revokedAt" },
	{ "SERIAL", "serial" },
	{ "ISSUER (SHA-256 OF ITS NAME)", "issuerHash" },
	{},
};

enum cli_end command_revoke_list(struct cli *cli)
{
	return list_show_filtered(cli, REVOCATIONS, "after", columns);
}

static enum cli_end keep_first(void *context, struct bytes der)
{
	json_t **first = context;

	if (*first == NULL && (*first = json_of_bytes(der)) == NULL)
		return cli_refuse_outcome(NO_MEMORY, NULL);
	return CLI_DONE;
}

enum cli_end command_revoke_certificate(struct cli *cli)
{
	struct remote_answer answer;
	char serial[SERIAL_TEXT_SIZE];
	json_t *issuer = NULL;

	if (!serial_normalise(cli_option(cli, "serial"), serial))
		return cli_refuse_outcome(
			INVALID_PARAMETER, "a serial number is hexadecimal and at most 20 bytes");
	enum cli_end end = file_each_certificate(cli_option(cli, "issuer"), keep_first, &issuer);
	if (end != CLI_DONE) {
		json_decref(issuer);
		return end;
	}
	json_t *body = json_pack("{s:o, s:s}", "issuer", issuer, "serial", serial);
	end = body != NULL ? remote_call(cli, "POST", REVOCATIONS, body, &answer)
			   : cli_refuse_outcome(NO_MEMORY, NULL);
	if (body == NULL || end != CLI_DONE)
		return end;
	end = cli->json ? cli_answer_json(json_incref(answer.json)) : CLI_DONE;
	json_decref(answer.json);
	return end;
}

/* Who has signed the CRL, among the certificates of --issuer. */
struct search {
	const struct crl *crl;
	json_t *issuer; /* base64 of DER, once it is found */
	enum outcome outcome;
	const char *reason; /* why the last was not it */
};

static enum cli_end try_issuer(void *context, struct bytes der)
{
	struct search *s = context;
	struct crl_issuer unused;

	if (s->issuer != NULL)
		return CLI_DONE;
	s->outcome = crl_check_issuer(s->crl, der, &unused, &s->reason);
	if (s->outcome == FINE && (s->issuer = json_of_bytes(der)) == NULL)
		return cli_refuse_outcome(NO_MEMORY, NULL);
	return CLI_DONE;
}

/* Without --issuer the server looks among its anchors. */
static enum cli_end find_issuer(struct cli *cli, const struct crl *crl, json_t **issuer)
{
	struct search s = { .crl = crl };
	const char *file = cli_option(cli, "issuer");

	if (file == NULL)
		return CLI_DONE;
	enum cli_end end = file_each_certificate(file, try_issuer, &s);

	*issuer = s.issuer;
	if (end == CLI_DONE && s.issuer == NULL)
		end = cli_refuse_outcome(s.outcome, s.reason);
	return end;
}

static enum cli_end send_crl(struct cli *cli, struct bytes der, json_t *issuer)
{
	struct remote_answer answer;
	json_t *body = json_pack("{s:o, s:O*}", "crl", json_of_bytes(der), "issuer", issuer);
	enum cli_end end = body != NULL ? remote_call(cli, "POST", CRLS, body, &answer)
					: cli_refuse_outcome(NO_MEMORY, NULL);

	if (body == NULL || end != CLI_DONE)
		return end;
	if (cli->json)
		end = cli_answer_json(json_incref(answer.json));
	else
		printf("%" JSON_INTEGER_FORMAT " listed, %" JSON_INTEGER_FORMAT
		       " of them new; good until %s\n",
			remote_number(answer.json, "entries"), remote_number(answer.json, "added"),
			remote_text(answer.json, "nextUpdate"));
	json_decref(answer.json);
	return end;
}

/* What can be told without the server is told before anything is sent. */
static enum cli_end check_and_send(struct cli *cli, struct bytes der)
{
	struct crl *crl;
	json_t *issuer = NULL;
	const char *reason;
	enum outcome o = crl_read(der, &crl, &reason);

	if (o != FINE)
		return cli_refuse_outcome(o, reason);
	enum cli_end end = find_issuer(cli, crl, &issuer);
	crl_free(crl);
	if (end == CLI_DONE)
		end = send_crl(cli, der, issuer);
	json_decref(issuer);
	return end;
}

enum cli_end command_revoke_crl(struct cli *cli)
{
	struct bytes content;
	const char *reason;
	uint8_t *der;
	size_t len;
	enum cli_end end = file_read_at_most(cli->arguments[0], CRL_FILE_MAX, &content);

	if (end != CLI_DONE)
		return end;
	enum outcome o = crl_to_der(content, &der, &len, &reason);
	free((void *)content.at);
	if (o != FINE)
		return cli_refuse_outcome(o, reason);
	end = check_and_send(cli, bytes_of(der, len));
	free(der);
	return end;
}

static const struct list_column crl_columns[] = {
	{ "NUMBER", "number" },
	{ "ADDED", "addedAt" },
	{ "CRL NUMBER", "crlNumber" },
	{ "ENTRIES", "entries" },
	{ "THIS UPDATE", "thisUpdate" },
	{ "NEXT UPDATE", "nextUpdate" },
	{ "ISSUER (SHA-256 OF ITS NAME)", "issuerHash" },
	{ "KEY (SHA-256)", "issuerKeyHash" },
	{},
};

enum cli_end command_revoke_crls(struct cli *cli)
{
	return list_show_filtered(cli, CRLS, "after", crl_columns);
}

enum cli_end command_revoke_remove_crl(struct cli *cli)
{
	struct remote_answer answer;
	char path[256];

	if (!remote_path(CRLS, cli->arguments[0], path, sizeof(path)))
		return cli_refuse_outcome(INVALID_PARAMETER, "this is no number of a CRL");
	enum cli_end end = remote_call(cli, "DELETE", path, NULL, &answer);
	if (end != CLI_DONE)
		return end;
	if (cli->json)
		end = cli_answer_json(json_incref(answer.json));
	else if (remote_number(answer.json, "left") == 0)
		printf("This was the last CRL by this key of the issuer %s.\n"
		       "From now on no CRL of its own that is out of date keeps what it has issued "
		       "out.\n",
			remote_text(answer.json, "issuerHash"));
	json_decref(answer.json);
	return end;
}
