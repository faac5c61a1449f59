#include "pki/pem.h"

#include <assert.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "pki/der.h"

/* One block of any label. NO_ROW at the end. */
static enum outcome take_block(BIO *bio, const char *label, bool *found, struct buffer *out)
{
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long len = 0;

	if (PEM_read_bio(bio, &name, &header, &data, &len) != 1) {
		bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;

		ERR_clear_error();
		return at_end ? NO_ROW : INVALID_PARAMETER;
	}
	*found = strcmp(name, label) == 0;
	if (*found)
		buffer_put(out, data, (size_t)len);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(data, (size_t)len);
	return out->full ? PAYLOAD_TOO_LARGE : FINE;
}

enum outcome pem_take(struct bytes *in, const char *label, uint8_t *out, size_t cap, size_t *len)
{
	struct buffer buffer = buffer_over(out, cap);
	bool found = false;

	if (in->len > INT_MAX)
		return PAYLOAD_TOO_LARGE;
	if (in->len == 0)
		return NO_ROW;
	BIO *bio = BIO_new_mem_buf(in->at, (int)in->len);
	if (bio == NULL)
		return NO_MEMORY;
	enum outcome o = FINE;
	while (o == FINE && !found)
		o = take_block(bio, label, &found, &buffer);
	size_t left = BIO_pending(bio) > 0 ? (size_t)BIO_pending(bio) : 0;
	*in = bytes_of(in->at + in->len - left, left);
	*len = buffer.len;
	BIO_free(bio);
	return o;
}

enum outcome pem_or_der_read(struct bytes in, uint8_t *out, size_t cap, size_t *len)
{
	struct bytes rest = in, content;

	if (der_take(&rest, DER_SEQUENCE, &content) && rest.len == 0) {
		if (in.len > cap)
			return PAYLOAD_TOO_LARGE;
		memcpy(out, in.at, in.len);
		*len = in.len;
		return FINE;
	}
	enum outcome o = pem_take(&in, "CERTIFICATE", out, cap, len);
	return o == NO_ROW ? INVALID_PARAMETER : o;
}

static void print_name(struct bytes name, BIO *bio)
{
	const unsigned char *at = name.at;
	X509_NAME *n = name.len > 0 ? d2i_X509_NAME(NULL, &at, (long)name.len) : NULL;

	/* RFC 2253 flags escape control characters and whatever is not ASCII. */
	if (n == NULL || X509_NAME_print_ex(bio, n, 0, XN_FLAG_RFC2253) < 0)
		BIO_puts(bio, "?");
	X509_NAME_free(n);
	ERR_clear_error();
}

void certificate_subject_text(struct bytes name, char *out, size_t size)
{
	assert(size > 0);
	out[0] = '\0';
	BIO *bio = BIO_new(BIO_s_mem());
	if (bio == NULL)
		return;
	print_name(name, bio);
	int len = size > 1 ? BIO_read(bio, out, size < INT_MAX ? (int)size - 1 : INT_MAX) : 0;
	out[len > 0 ? len : 0] = '\0';
	BIO_free(bio);
}
