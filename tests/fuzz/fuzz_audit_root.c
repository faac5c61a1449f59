/* The root file of the audit trail: what is taken is written again to the letter. */
#include <stdlib.h>

#include "crypto/audit_root.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Hex digits of either case are read, numbers with zeros before them too. */
static bool is_as_written(const uint8_t *data, size_t size)
{
	bool after_blank = false;

	for (size_t i = 0; i < size; i++) {
		if (data[i] >= 'A' && data[i] <= 'F')
			return false;
		if (after_blank && data[i] == '0' && i + 1 < size && data[i + 1] != '\n')
			return false;
		after_blank = data[i] == ' ';
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[AUDIT_ROOT_TEXT_MAX];
	struct audit_tree tree, again;

	if (!audit_root_read((const char *)data, size, &tree))
		return 0;
	must(tree.path_count <= MERKLE_TREE_PATH);
	size_t len = audit_root_write(&tree, text);

	must(len < sizeof(text) && strlen(text) == len);
	must(audit_root_read(text, len, &again));
	must(memcmp(&tree, &again, sizeof(tree)) == 0);
	if (is_as_written(data, size))
		must(len == size && memcmp(text, data, size) == 0);
	return 0;
}
