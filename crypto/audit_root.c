#include "crypto/audit_root.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define HEAD "openarpf audit root 1\n"

struct field {
	const char *name;
	size_t at;
	size_t len; /* of bytes; 0: a number */
};

static const struct field fields[] = {
	{ "number", offsetof(struct audit_tree, number), 0 },
	{ "from-xid", offsetof(struct audit_tree, from_xid), 0 },
	{ "to-xid", offsetof(struct audit_tree, to_xid), 0 },
	{ "count", offsetof(struct audit_tree, count), 0 },
	{ "sealed-at", offsetof(struct audit_tree, sealed_at), 0 },
	{ "root", offsetof(struct audit_tree, root), MERKLE_HASH_LEN },
	{ "chain", offsetof(struct audit_tree, chain), MERKLE_HASH_LEN },
	{ "signer", offsetof(struct audit_tree, signer_id), 32 },
	{ "signature", offsetof(struct audit_tree, signature), P256_SIGNATURE_LEN },
	{ "tree-size", offsetof(struct audit_tree, tree_size), 0 },
	{ "leaf-index", offsetof(struct audit_tree, leaf_index), 0 },
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))
#define PATH   "path"

static void put_line(struct buffer *b, const char *name, const char *value)
{
	buffer_put(b, name, strlen(name));
	buffer_put(b, " ", 1);
	buffer_put(b, value, strlen(value));
	buffer_put(b, "\n", 1);
}

size_t audit_root_write(const struct audit_tree *t, char out[AUDIT_ROOT_TEXT_MAX])
{
	struct buffer b = buffer_over(out, AUDIT_ROOT_TEXT_MAX - 1);
	char value[2 * sizeof(t->path) + 1];

	buffer_put(&b, HEAD, sizeof(HEAD) - 1);
	for (size_t i = 0; i < FIELDS; i++) {
		const void *at = (const uint8_t *)t + fields[i].at;

		if (fields[i].len > 0)
			hex_write(bytes_of(at, fields[i].len), value);
		else
			snprintf(value, sizeof(value), "%" PRIu64, *(const uint64_t *)at);
		put_line(&b, fields[i].name, value);
	}
	hex_write(bytes_of(t->path, t->path_count * MERKLE_HASH_LEN), value);
	put_line(&b, PATH, value);
	out[b.len] = '\0';
	return b.len;
}

/* The value of the next line, which has to be of this name. */
static bool take_line(struct bytes *text, const char *name, struct bytes *value)
{
	size_t name_len = strlen(name);
	struct bytes line;
	const uint8_t *end = text->len > 0 ? memchr(text->at, '\n', text->len) : NULL;

	if (end == NULL || !bytes_take(text, (size_t)(end - text->at) + 1, &line) ||
		line.len < name_len + 2 || memcmp(line.at, name, name_len) != 0 ||
		line.at[name_len] != ' ')
		return false;
	*value = bytes_of(line.at + name_len + 1, line.len - name_len - 2);
	return true;
}

static bool read_number(struct bytes value, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < value.len; i++) {
		unsigned digit = value.at[i] - '0';

		if (digit > 9 || *out > (UINT64_MAX - digit) / 10)
			return false;
		*out = *out * 10 + digit;
	}
	return value.len > 0;
}

static bool read_field(const struct field *f, struct bytes value, struct audit_tree *out)
{
	void *at = (uint8_t *)out + f->at;

	return f->len > 0 ? hex_read((const char *)value.at, value.len, at, f->len)
			  : read_number(value, at);
}

bool audit_root_read(const char *text, size_t len, struct audit_tree *out)
{
	struct bytes rest = bytes_of(text, len), value;
	const size_t step = 2 * MERKLE_HASH_LEN;

	*out = (struct audit_tree){ 0 };
	if (!bytes_take(&rest, sizeof(HEAD) - 1, &value) ||
		memcmp(value.at, HEAD, sizeof(HEAD) - 1) != 0)
		return false;
	for (size_t i = 0; i < FIELDS; i++)
		if (!take_line(&rest, fields[i].name, &value) ||
			!read_field(&fields[i], value, out))
			return false;
	if (!take_line(&rest, PATH, &value) || rest.len > 0 || value.len % step != 0 ||
		value.len > MERKLE_TREE_PATH * step)
		return false;
	out->path_count = value.len / step;
	return hex_read((const char *)value.at, value.len, out->path, value.len / 2);
}
