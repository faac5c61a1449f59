#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin-cli/commands.h"
#include "admin-cli/crl.h"
#include "admin-cli/files.h"
#include "admin-cli/list.h"
#include "admin-cli/remote.h"
#include "admin-cli/serial.h"

#define REVOCATIONS  "/admin/v1/revocations"
#define ANCHORS      "/admin/v1/trust-anchors"
#define PART_SERIALS 200 /* each its own commit, and all within the deadline of a request */

static const struct list_column columns[] = {
	{ "REVOKED", "revokedAt" },
	{ "SERIAL", "serial" },
	{ "ISSUER (SHA-256 OF ITS NAME)", "issuerHash" },
	{},
};

enum cli_end command_revoke_list(struct cli *cli)
{
	return list_show(cli, REVOCATIONS, columns);
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

/* Who has signed the CRL: a certificate of --issuer, or one of the server's anchors. */
struct search {
	const struct crl *crl;
	json_t *issuer; /* base64 of DER, once it is found */
};

static enum cli_end try_issuer(void *context, struct bytes der)
{
	struct search *s = context;

	if (s->issuer == NULL && crl_is_signed_by(s->crl, der) &&
		(s->issuer = json_of_bytes(der)) == NULL)
		return cli_refuse_outcome(NO_MEMORY, NULL);
	return CLI_DONE;
}

static enum cli_end try_anchor(void *context, json_t *item)
{
	const json_t *text = json_object_get(item, "certificate");
	size_t len = json_string_length(text);
	uint8_t *der = malloc(len / 4 * 3 + 1);
	enum cli_end end = CLI_DONE;

	if (der == NULL)
		return cli_refuse_outcome(NO_MEMORY, NULL);
	if (len > 0 && base64_read(json_string_value(text), len, der, &len))
		end = try_issuer(context, bytes_of(der, len));
	free(der);
	return end;
}

static enum cli_end on_page(void *context)
{
	(void)context;
	return CLI_DONE;
}

static enum cli_end find_issuer(struct cli *cli, const struct crl *crl, json_t **issuer)
{
	struct search s = { .crl = crl };
	const char *file = cli_option(cli, "issuer");
	enum cli_end end = file != NULL ? file_each_certificate(file, try_issuer, &s)
					: remote_each(cli, ANCHORS, try_anchor, on_page, &s);

	*issuer = s.issuer;
	if (end == CLI_DONE && s.issuer == NULL)
		end = cli_refuse_outcome(SIGNATURE_INVALID,
			file != NULL ? "the CRL is not signed by a certificate of --issuer"
				     : "the CRL is not signed by a trust anchor; name its "
				       "issuer with --issuer FILE");
	return end;
}

static void show_progress(size_t done, size_t all)
{
	if (all <= PART_SERIALS || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%zu of %zu%s", done, all, done == all ? "\n" : "");
}

/* json_t arrays of at most PART_SERIALS serials, one request each. */
static enum cli_end send_serials(
	struct cli *cli, const struct crl *crl, json_t *issuer, json_int_t *added)
{
	size_t all = crl_count(crl), done = 0;
	enum cli_end end = CLI_DONE;

	while (end == CLI_DONE && done < all) {
		struct remote_answer answer;
		json_t *serials = json_array();

		for (size_t i = 0; i < PART_SERIALS && done < all; i++, done++) {
			char serial[SERIAL_TEXT_SIZE];

			if (!crl_serial(crl, done, serial) ||
				json_array_append_new(serials, json_string(serial)) != 0)
				end = cli_refuse_outcome(INVALID_PARAMETER,
					"the CRL has a serial number of more than 20 bytes");
		}
		json_t *body = json_pack("{s:O, s:o}", "issuer", issuer, "serials", serials);
		if (end != CLI_DONE || body == NULL) {
			json_decref(body);
			return end != CLI_DONE ? end : cli_refuse_outcome(NO_MEMORY, NULL);
		}
		end = remote_call(cli, "POST", REVOCATIONS, body, &answer);
		*added += end == CLI_DONE ? remote_number(answer.json, "added") : 0;
		json_decref(answer.json);
		show_progress(done, all);
	}
	return end;
}

enum cli_end command_revoke_crl(struct cli *cli)
{
	struct crl *crl = NULL;
	json_t *issuer = NULL;
	json_int_t added = 0;
	struct bytes content;
	const char *reason;
	enum cli_end end = file_read(cli->arguments[0], &content);

	if (end != CLI_DONE)
		return end;
	enum outcome o = crl_read(content, &crl, &reason);
	free((void *)content.at);
	end = o == FINE ? find_issuer(cli, crl, &issuer) : cli_refuse_outcome(o, reason);
	if (end == CLI_DONE)
		end = send_serials(cli, crl, issuer, &added);
	if (end == CLI_DONE && cli->json)
		end = cli_answer_json(json_pack(
			"{s:I, s:I}", "listed", (json_int_t)crl_count(crl), "added", added));
	else if (end == CLI_DONE)
		printf("%zu listed, %" JSON_INTEGER_FORMAT " of them new\n", crl_count(crl), added);
	json_decref(issuer);
	crl_free(crl);
	return end;
}
