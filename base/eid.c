#include "base/eid.h"

bool eid_is_valid(struct bytes text)
{
	unsigned rest = 0;

	if (text.len != EID_LEN)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		rest = (rest * 10 + (unsigned)(text.at[i] - '0')) % 97;
	}
	return rest == 1;
}
