#include "procedures/auth_event.h"

#include "procedures/body.h"
#include "procedures/serving_network.h"
#include "procedures/supi.h"

#define INSTANCE_ID_MAX 64
#define AUTH_TYPE_MAX   32
#define TIME_TEXT_MAX   64

struct event {
	struct supi supi;
	const char *nf, *time, *type, *serving_network;
	bool success;
	struct db_access access;
	struct db_auth_event_in record;
};

static enum outcome read_event(struct txn *t);
static enum outcome find_access_id(struct txn *t);
static enum outcome have_access_id(struct txn *t, enum outcome brought);
static enum outcome record_event(struct txn *t);
static enum outcome have_recorded(struct txn *t, enum outcome brought);
static enum outcome answer_event(struct txn *t);
static bool is_access_id(const struct txn *t);

const struct procedure auth_event = {
	.name = "auth-event", /* TS 33.501 6.1.4.1a */
	.state_size = sizeof(struct event),
	.steps = {
		{ "read_event", LANE_LOOP, read_event },
		{ "find_access_id", LANE_DB, find_access_id, have_access_id, is_access_id },
		{ "record_event", LANE_DB, record_event, have_recorded },
		{ "answer_event", LANE_REPLY, answer_event },
	},
};

static bool is_access_id(const struct txn *t)
{
	return ((const struct event *)t->state)->supi.form == SUPI_ACCESS_ID;
}

/* Whether the text begins as the pattern: 0 stands for a digit. Moves on behind it. */
static bool take_pattern(const char **text, const char *pattern)
{
	for (; *pattern != '\0'; pattern++, (*text)++)
		if (*pattern == '0' ? **text < '0' || **text > '9' : **text != *pattern)
			return false;
	return true;
}

static unsigned two_digits(const char *at)
{
	return 10u * (unsigned)(at[0] - '0') + (unsigned)(at[1] - '0');
}

static unsigned days_of(unsigned year, unsigned month)
{
	static const uint8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && is_leap ? 29u : days[month - 1];
}

/* RFC 3339 section 5.6, its leap seconds and offsets as well. */
static bool is_time(const char *text)
{
	const char *at = text;

	if (!take_pattern(&at, "0000-00-00") || (*at != 'T' && *at != 't'))
		return false;
	at++;
	if (!take_pattern(&at, "00:00:00"))
		return false;
	unsigned year = 100u * two_digits(text) + two_digits(text + 2),
		 month = two_digits(text + 5), day = two_digits(text + 8);

	if (month < 1 || month > 12 || day < 1 || day > days_of(year, month) ||
		two_digits(text + 11) > 23 || two_digits(text + 14) > 59 ||
		two_digits(text + 17) > 60)
		return false;
	if (*at == '.') {
		size_t digits = strspn(++at, "0123456789");

		if (digits == 0)
			return false;
		at += digits;
	}
	if (*at == 'Z' || *at == 'z')
		return at[1] == '\0';
	if (*at != '+' && *at != '-')
		return false;
	const char *offset = ++at;

	return take_pattern(&at, "00:00") && *at == '\0' && two_digits(offset) <= 23 &&
	       two_digits(offset + 3) <= 59;
}

static enum outcome read_members(struct txn *t, struct event *e)
{
	const json_t *success = json_object_get(t->json, "success");
	enum outcome o = body_text(t, t->json, "nfInstanceId", INSTANCE_ID_MAX, &e->nf);

	if (o == FINE && !body_has(t->json, "success"))
		return txn_refuse_parameter(
			t, MISSING_PARAMETER, "success", "This member is missing.");
	if (o == FINE && !json_is_boolean(success))
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, "success", "This is neither true nor false.");
	e->success = json_is_true(success);
	if (o == FINE)
		o = body_text(t, t->json, "timeStamp", TIME_TEXT_MAX, &e->time);
	if (o == FINE && !is_time(e->time))
		o = txn_refuse_parameter(
			t, INVALID_PARAMETER, "timeStamp", "This is no time of RFC 3339.");
	if (o == FINE)
		o = body_text(t, t->json, "authType", AUTH_TYPE_MAX, &e->type);
	return o == FINE ? serving_network_read(t, &e->serving_network) : o;
}

static enum outcome read_event(struct txn *t)
{
	struct event *e = t->state;

	/* TS 29.503: who was authenticated is known by the SUPI, no longer concealed. */
	if (strncmp(t->parameters[0], "suci-", strlen("suci-")) == 0)
		return txn_refuse_parameter(t, INVALID_PARAMETER, "supi",
			"An event is of an imsi- or nai- form, not of a SUCI.");
	enum outcome o = supi_read_path(t, 0, &e->supi);

	if (o == FINE)
		o = body_read(t);
	return o == FINE ? read_members(t, e) : o;
}

static enum outcome find_access_id(struct txn *t)
{
	struct event *e = t->state;

	return txn_ask_db(t, DB_FIND_ACCESS_ID, &e->supi.access_id, &e->access);
}

static enum outcome have_access_id(struct txn *t, enum outcome brought)
{
	struct event *e = t->state;

	return supi_have_access_id(t, &e->supi, &e->access, brought);
}

static enum outcome record_event(struct txn *t)
{
	struct event *e = t->state;

	e->record = (struct db_auth_event_in){
		.imsi = (int64_t)e->supi.imsi,
		.success = e->success,
		.ek_lifetime_s = t->services->settings->ek_lifetime_s,
	};
	return txn_ask_db(t, DB_RECORD_AUTH_EVENT, &e->record, NULL);
}

static enum outcome have_recorded(struct txn *t, enum outcome brought)
{
	return brought == NO_ROW ? txn_refuse(t, USER_NOT_FOUND, "There is no such subscription.")
				 : brought;
}

/* A subscription's record is of its latest success and failure: there is one event to name. */
static enum outcome answer_event(struct txn *t)
{
	const struct event *e = t->state;
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	json_member_text(&o, "nfInstanceId", e->nf);
	json_key(&o, "success");
	json_bool(&o, e->success);
	json_member_text(&o, "timeStamp", e->time);
	json_member_text(&o, "authType", e->type);
	json_member_text(&o, "servingNetworkName", e->serving_network);
	json_close(&o, '}');
	t->answer.location =
		arena_printf(t->arena, "/nudm-ueau/v1/%s/auth-events/latest", t->parameters[0]);
	return answer_json(t, 201, &o);
}
