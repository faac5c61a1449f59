#include "admin-cli/serial.h"

#include <ctype.h>
#include <string.h>

/* Colons stand between digits, never at an end or twice. */
static bool is_separator(const char *at, const char *start)
{
	return *at == ':' && at > start && isxdigit((unsigned char)at[-1]) &&
	       isxdigit((unsigned char)at[1]);
}

bool serial_normalise(const char *text, char out[SERIAL_TEXT_SIZE])
{
	char digits[SERIAL_TEXT_SIZE];
	size_t count = 0;
	bool any = false;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	for (const char *at = text; *at != '\0'; at++) {
		if (is_separator(at, text))
			continue;
		if (!isxdigit((unsigned char)*at))
			return false;
		any = true;
		if (count == 0 && *at == '0')
			continue;
		if (count == SERIAL_TEXT_SIZE - 1)
			return false;
		digits[count++] = (char)tolower((unsigned char)*at);
	}
	if (!any)
		return false;
	size_t pad = count == 0 ? 2 : count % 2;

	memset(out, '0', pad);
	memcpy(out + pad, digits, count);
	out[pad + count] = '\0';
	return true;
}
