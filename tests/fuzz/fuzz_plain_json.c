/* The reader of plain JSON: what it reads the library reads too, and makes the same of it. */
#include <stdlib.h>

#include "procedures/plain_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *own = plain_json_read(bytes_of(data, size));

	if (own == NULL)
		return 0;
	json_t *library = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);

	if (library == NULL || !json_equal(own, library))
		abort();
	json_decref(library);
	json_decref(own);
	return 0;
}
