#include "pki/certificates_read.h"

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <strings.h>

#define BLANKS " \t"

static const struct {
	const char *type;
	enum certificates_form form;
} media_types[] = {
	{ "application/pem-certificate-chain", CERTIFICATES_PEM },
	{ "application/pkix-cert", CERTIFICATES_DER },
	{ "application/pkcs7-mime", CERTIFICATES_PKCS7 },
};

/* at: behind a parameter's "smime-type=". */
static bool is_certs_only(const char *at)
{
	static const char wanted[] = "certs-only";
	size_t quote = *at == '"' ? 1 : 0, len = sizeof(wanted) - 1;

	if (strncasecmp(at + quote, wanted, len) != 0)
		return false;
	at += quote + len;
	if (quote == 1 && *at++ != '"')
		return false;
	return at[strspn(at, BLANKS)] == '\0' || at[strspn(at, BLANKS)] == ';';
}

/* parameters: from the first semicolon on. Other parameters say nothing that is needed. */
static bool may_be_certs_only(const char *parameters)
{
	static const char name[] = "smime-type=";

	for (const char *at = strchr(parameters, ';'); at != NULL; at = strchr(at, ';')) {
		at++;
		at += strspn(at, BLANKS);
		if (strncasecmp(at, name, sizeof(name) - 1) == 0 &&
			!is_certs_only(at + sizeof(name) - 1))
			return false;
	}
	return true;
}

bool certificates_form_of(const char *content_type, enum certificates_form *form)
{
	size_t len = strcspn(content_type, ";" BLANKS);
	const char *rest = content_type + len + strspn(content_type + len, BLANKS);

	if (*rest != '\0' && *rest != ';')
		return false;
	for (size_t i = 0; i < sizeof(media_types) / sizeof(media_types[0]); i++) {
		if (strlen(media_types[i].type) != len ||
			strncasecmp(content_type, media_types[i].type, len) != 0)
			continue;
		*form = media_types[i].form;
		return *form != CERTIFICATES_PKCS7 || may_be_certs_only(rest);
	}
	return false;
}

/* All of der and no more. */
static enum outcome add(struct certificates *c, struct bytes der)
{
	const unsigned char *end = der.at;

	if (der.len == 0 || c->count == CERTIFICATES_MAX)
		return INVALID_PARAMETER;
	X509 *x = d2i_X509(NULL, &end, (long)der.len);
	if (x == NULL)
		return INVALID_PARAMETER;
	c->at[c->count++] = x;
	return end == der.at + der.len ? FINE : INVALID_PARAMETER;
}

static bool is_white(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_white(struct bytes *in)
{
	while (in->len > 0 && is_white(in->at[0]))
		*in = bytes_of(in->at + 1, in->len - 1);
}

static bool take_line(struct bytes *in, const char *line)
{
	size_t len = strlen(line);

	if (in->len < len || memcmp(in->at, line, len) != 0)
		return false;
	*in = bytes_of(in->at + len, in->len - len);
	return in->len == 0 || is_white(in->at[0]);
}

/* One block. room: as much as the whole body. */
static enum outcome take_pem(struct bytes *in, char *room, struct certificates *c)
{
	size_t text_len = 0, len = 0;

	if (!take_line(in, "-----BEGIN CERTIFICATE-----"))
		return INVALID_PARAMETER;
	for (; in->len > 0 && in->at[0] != '-'; *in = bytes_of(in->at + 1, in->len - 1))
		if (!is_white(in->at[0]))
			room[text_len++] = (char)in->at[0];
	if (!take_line(in, "-----END CERTIFICATE-----"))
		return INVALID_PARAMETER;
	uint8_t *der = malloc(text_len / 4 * 3 + 1);
	if (der == NULL)
		return NO_MEMORY;
	enum outcome o = base64_read(room, text_len, der, &len) ? add(c, bytes_of(der, len))
								: INVALID_PARAMETER;
	free(der);
	return o;
}

static enum outcome read_pem(struct bytes body, struct certificates *c)
{
	char *room = malloc(body.len + 1);
	enum outcome o = room != NULL ? FINE : NO_MEMORY;

	skip_white(&body);
	while (o == FINE && body.len > 0) {
		o = take_pem(&body, room, c);
		skip_white(&body);
	}
	free(room);
	return o;
}

static enum outcome take_all(const STACK_OF(X509) * from, struct certificates *c)
{
	for (int i = 0; i < sk_X509_num(from); i++) {
		X509 *x = sk_X509_value(from, i);

		if (c->count == CERTIFICATES_MAX)
			return INVALID_PARAMETER;
		if (X509_up_ref(x) != 1)
			return NO_MEMORY;
		c->at[c->count++] = x;
	}
	return FINE;
}

static enum outcome read_pkcs7(struct bytes body, struct certificates *c)
{
	const unsigned char *end = body.at;
	PKCS7 *p = body.len > 0 ? d2i_PKCS7(NULL, &end, (long)body.len) : NULL;
	enum outcome o = INVALID_PARAMETER;

	if (p != NULL && end == body.at + body.len && PKCS7_type_is_signed(p) &&
		p->d.sign != NULL && sk_PKCS7_SIGNER_INFO_num(p->d.sign->signer_info) <= 0)
		o = take_all(p->d.sign->cert, c);
	PKCS7_free(p);
	return o;
}

enum outcome certificates_read(
	struct bytes body, enum certificates_form form, struct certificates *out)
{
	enum outcome o = INVALID_PARAMETER;

	*out = (struct certificates){ .is_ordered = form != CERTIFICATES_PKCS7 };
	switch (form) {
	case CERTIFICATES_PEM:
		o = read_pem(body, out);
		break;
	case CERTIFICATES_DER:
		o = add(out, body);
		break;
	case CERTIFICATES_PKCS7:
		o = read_pkcs7(body, out);
		break;
	}
	ERR_clear_error();
	if (o == FINE && out->count == 0)
		o = INVALID_PARAMETER;
	if (o != FINE)
		certificates_free(out);
	return o;
}

void certificates_free(struct certificates *c)
{
	for (size_t i = 0; i < c->count; i++)
		X509_free(c->at[i]);
	*c = (struct certificates){ 0 };
}
