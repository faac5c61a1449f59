#include "admin-cli/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pki/der.h"
#include "pki/pem.h"

#define DER_MAX    16384
#define FIRST_READ 65536

static bool read_all(FILE *in, size_t most, struct buffer *to)
{
	size_t n;

	do {
		if (to->len == to->cap) {
			size_t cap = to->cap > 0 ? 2 * to->cap : FIRST_READ;

			if (to->cap > most) {
				errno = EFBIG;
				return false;
			}
			cap = cap <= most ? cap : most + 1; /* one more: whether there is more */
			uint8_t *grown = realloc(to->at, cap);

			if (grown == NULL) {
				errno = ENOMEM;
				return false;
			}
			to->at = grown;
			to->cap = cap;
		}
		errno = 0;
		n = fread(to->at + to->len, 1, to->cap - to->len, in);
		to->len += n;
	} while (n > 0);
	return ferror(in) == 0;
}

static bool is_larger(FILE *in, size_t most)
{
	struct stat about;

	return fstat(fileno(in), &about) == 0 && S_ISREG(about.st_mode) &&
	       (size_t)about.st_size > most;
}

static enum cli_end refuse_read(const char *path, int error, size_t most)
{
	if (error == EFBIG)
		return cli_refuse(
			outcome_cause(PAYLOAD_TOO_LARGE), "%s: more than %zu bytes", path, most);
	return cli_refuse("FILE_NOT_READ", "%s: %s", path, strerror(error));
}

enum cli_end file_read_at_most(const char *path, size_t most, struct bytes *out)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(path, "rb");
	struct buffer all = { 0 };

	if (in == NULL)
		return refuse_read(path, errno, most);
	bool is_too_large = is_larger(in, most);
	bool is_read = !is_too_large && read_all(in, most, &all);
	int error = is_too_large ? EFBIG : errno;
	if (!is_stdin)
		fclose(in);
	if (!is_read) {
		free(all.at);
		return refuse_read(path, error, most);
	}
	*out = buffer_bytes(&all);
	return CLI_DONE;
}

enum cli_end file_read(const char *path, struct bytes *out)
{
	return file_read_at_most(path, FILE_MOST, out);
}

static bool is_der(struct bytes content)
{
	struct bytes inner;

	return der_take(&content, DER_SEQUENCE, &inner) && content.len == 0;
}

static enum cli_end refuse_file(const char *path, enum outcome o)
{
	return cli_refuse(outcome_cause(o == NO_ROW ? INVALID_PARAMETER : o), "%s: %s", path,
		o == PAYLOAD_TOO_LARGE ? "a certificate is too long"
		: o == NO_ROW          ? "there is no certificate, in PEM or DER"
				       : "a block of PEM is broken");
}

static enum cli_end each_in_pem(const char *path, struct bytes rest,
	enum cli_end (*each)(void *context, struct bytes der), void *context)
{
	uint8_t der[DER_MAX];
	size_t len, count = 0;
	enum outcome o = FINE;
	enum cli_end end = CLI_DONE;

	while (end == CLI_DONE &&
		(o = pem_take(&rest, "CERTIFICATE", der, sizeof(der), &len)) == FINE) {
		end = each(context, bytes_of(der, len));
		count++;
	}
	if (end == CLI_DONE && (o != NO_ROW || count == 0))
		end = refuse_file(path, o);
	return end;
}

enum cli_end file_each_certificate(
	const char *path, enum cli_end (*each)(void *context, struct bytes der), void *context)
{
	struct bytes content;
	enum cli_end end = file_read(path, &content);

	if (end != CLI_DONE)
		return end;
	end = is_der(content) ? each(context, content) : each_in_pem(path, content, each, context);
	free((void *)content.at);
	return end;
}

json_t *json_of_bytes(struct bytes bytes)
{
	char *text = malloc(BASE64_LEN(bytes.len) + 1);
	json_t *json = NULL;

	if (text != NULL) {
		size_t len = base64_write(bytes, text);

		json = json_stringn(text, len);
	}
	free(text);
	return json;
}
