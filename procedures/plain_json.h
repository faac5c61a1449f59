/*
 * JSON as programs write it, read several times as fast as by the library: texts of printable ASCII
 * without escapes, whole numbers, nothing deep. The library reads whatever else there is, and says what
 * is wrong with it; where both read a text they make the same of it (a fuzz harness holds one against
 * the other).
 */
#ifndef PROCEDURES_PLAIN_JSON_H
#define PROCEDURES_PLAIN_JSON_H

#include <jansson.h>

#include "base/bytes.h"

/* An object or an array; NULL where the text is not plain or not right, or there is no memory. */
json_t *plain_json_read(struct bytes text);

#endif
