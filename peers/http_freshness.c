#include "peers/http_freshness.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"

/* Decimal digits and nothing else; what is greater than any use of it is cut. */
static bool read_seconds(const char *at, size_t len, int64_t *out)
{
	int64_t v = 0;

	for (size_t i = 0; i < len; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		v = v < INT32_MAX ? v * 10 + (at[i] - '0') : v;
	}
	*out = v;
	return len > 0;
}

static bool is_name(const char *at, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(at, name, len) == 0;
}

/* A lifetime that cannot be read is none (RFC 9111 section 4.2.1). */
static void add_max_age(struct http_freshness *f, const char *value, size_t len)
{
	int64_t seconds;

	if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		value++;
		len -= 2;
	}
	if (!read_seconds(value, len, &seconds))
		seconds = 0;
	if (!f->has_max_age || seconds < f->max_age)
		f->max_age = seconds;
	f->has_max_age = true;
}

/* The length of a directive's value: a token, or a quoted text with commas in it. */
static size_t value_length(const char *at)
{
	size_t len = 1;

	if (*at != '"')
		return strcspn(at, "," BLANKS);
	while (at[len] != '\0' && at[len] != '"')
		len += at[len] == '\\' && at[len + 1] != '\0' ? 2 : 1;
	return at[len] == '"' ? len + 1 : len;
}

static void add_cache_control(struct http_freshness *f, const char *at)
{
	while (*(at += strspn(at, "," BLANKS)) != '\0') {
		const char *name = at, *value = "";
		size_t name_len = strcspn(at, "=," BLANKS), value_len = 0;

		at += name_len;
		if (*at == '=') {
			value = at + 1;
			value_len = value_length(value);
			at = value + value_len;
		}
		if (is_name(name, name_len, "no-store") || is_name(name, name_len, "no-cache"))
			f->is_forbidden = true;
		else if (is_name(name, name_len, "max-age"))
			add_max_age(f, value, value_len);
	}
}

void http_freshness_add(struct http_freshness *f, const char *name, const char *value)
{
	int64_t v;

	if (strcasecmp(name, "Cache-Control") == 0) {
		add_cache_control(f, value);
	} else if (strcasecmp(name, "Vary") == 0) {
		f->is_forbidden = f->is_forbidden || strchr(value, '*') != NULL;
	} else if (strcasecmp(name, "Age") == 0) {
		if (!read_seconds(value, strcspn(value, BLANKS), &v))
			v = INT32_MAX; /* of unknown age */
		f->age = v > f->age ? v : f->age;
	} else if (strcasecmp(name, "Expires") == 0) {
		v = curl_getdate(value, NULL); /* what is no date, "0" for one, has passed */
		f->expires = f->has_expires && f->expires < v ? f->expires : v;
		f->has_expires = true;
	} else if (strcasecmp(name, "Date") == 0 && (v = curl_getdate(value, NULL)) >= 0) {
		f->date = f->has_date && f->date > v ? f->date : v;
		f->has_date = true;
	}
}

int64_t http_freshness_left(const struct http_freshness *f, int64_t now)
{
	int64_t left = 0;

	if (f->is_forbidden)
		return 0;
	if (f->has_max_age)
		left = f->max_age;
	else if (f->has_expires)
		left = f->expires - (f->has_date ? f->date : now);
	left -= f->age;
	if (left < 0)
		return 0;
	return left < HTTP_FRESH_MOST_S ? left : HTTP_FRESH_MOST_S;
}
