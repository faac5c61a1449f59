/* What arpf-keyd reads from its socket, in a thread whose token has no keys: an answer fits its request, or there is none. */
#include <stdlib.h>

#include "hsm/keyd/operations.h"
#include "hsm/keyd/serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct workshop secrets;
	static struct keyd_thread thread = { .secrets = &secrets, .largest_tree = 64 };
	static uint8_t room[KEY_MESSAGE_MAX];
	struct buffer reply = buffer_over(room, sizeof(room));
	struct key_batch_header asked, answered;

	if (!keyd_answer(&thread, bytes_of(data, size), &reply))
		return 0;
	memcpy(&asked, data, sizeof(asked));
	memcpy(&answered, room, sizeof(answered));
	size_t out = key_operation_out_size((enum key_operation)asked.operation);

	if (reply.full || memcmp(&asked, &answered, sizeof(asked)) != 0 ||
		reply.len != sizeof(asked) + asked.count * (sizeof(struct key_result_header) + out))
		abort();
	return 0;
}
