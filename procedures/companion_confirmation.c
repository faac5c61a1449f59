#include "procedures/body.h"
#include "procedures/companion_dh.h"
#include "procedures/held_imsi.h"
#include "procedures/supi.h"

#define MAC_LEN      32
#define MAC_MOST     64 /* one of another length is a wrong one */
#define MOST_TURNS   3
#define MOST_TRIES   3 /* that many wrong MAC2 revoke the Access ID */
#define ID_DIGITS    32
#define NO_ACCESS_ID "No device that asked for a credential has this Access ID."

struct confirmation {
	struct db_access_id find;
	const char *device_id;
	struct bytes mac2;
	bool is_mac_wrong, is_exhausted;
	struct db_access access;
	struct held_imsi imsi;
	struct key_confirm_companion_in confirm;
	struct key_confirmation made;
	struct db_wrong_mac_in wrong;
	struct db_access counted;
	struct db_confirm_in create;
};

static enum outcome read_confirmation(struct txn *t);
static enum outcome find_access_id(struct txn *t);
static enum outcome have_access_id(struct txn *t, enum outcome brought);
static enum outcome have_imsi(struct txn *t, enum outcome brought);
static enum outcome verify_mac2(struct txn *t);
static enum outcome have_verified(struct txn *t, enum outcome brought);
static enum outcome count_wrong_mac(struct txn *t);
static enum outcome have_counted(struct txn *t, enum outcome brought);
static enum outcome create_subscription(struct txn *t);
static enum outcome have_created(struct txn *t, enum outcome brought);
static enum outcome answer_complete(struct txn *t);
static bool lacks_imsi(const struct txn *t);
static bool is_unconfirmed(const struct txn *t);
static bool has_whole_mac(const struct txn *t);
static bool is_mac_wrong(const struct txn *t);
static void give_imsi_back(struct txn *t);

const struct procedure companion_confirmation = {
	.name = "companion-confirmation", /* Solution #12.x, 9 to 12 */
	.state_size = sizeof(struct confirmation),
	.undo = give_imsi_back,
	.steps = {
		/* 9 */
		{ "read_confirmation", LANE_LOOP, read_confirmation },
		{ "find_access_id", LANE_DB, find_access_id, have_access_id },
		/* 10, 11: MAC3 names the SUPI, so it is made together with looking at MAC2 */
		{ "allocate_imsi", LANE_IMSI, NULL, have_imsi, lacks_imsi },
		{ "verify_mac2", LANE_KEY, verify_mac2, have_verified, has_whole_mac },
		{ "count_wrong_mac", LANE_DB, count_wrong_mac, have_counted, is_mac_wrong },
		{ "create_subscription", LANE_DB, create_subscription, have_created,
			is_unconfirmed },
		{ "answer_complete", LANE_REPLY, answer_complete },
	},
};

static bool is_unconfirmed(const struct txn *t)
{
	return ((const struct confirmation *)t->state)->access.state == ACCESS_PENDING;
}

static bool has_whole_mac(const struct txn *t)
{
	return ((const struct confirmation *)t->state)->mac2.len == MAC_LEN;
}

static bool lacks_imsi(const struct txn *t)
{
	return is_unconfirmed(t) && has_whole_mac(t);
}

static bool is_mac_wrong(const struct txn *t)
{
	return ((const struct confirmation *)t->state)->is_mac_wrong;
}

static void give_imsi_back(struct txn *t)
{
	held_imsi_give_back(t, &((struct confirmation *)t->state)->imsi);
}

static enum outcome read_confirmation(struct txn *t)
{
	struct confirmation *c = t->state;
	const char *id = t->parameters[0];
	enum outcome o = body_read(t);

	if (!hex_read(id, strlen(id), c->find.access_id, sizeof(c->find.access_id)))
		return txn_refuse_parameter(t, INVALID_PARAMETER, "accessId",
			"An Access ID has 32 hexadecimal digits.");
	if (o == FINE)
		o = body_text(t, t->json, "deviceId", KEY_TEXT_MAX, &c->device_id);
	if (o == FINE)
		o = body_bytes(t, t->json, "mac2", 0, MAC_MOST, &c->mac2);
	c->is_mac_wrong = c->mac2.len != MAC_LEN;
	return o;
}

static enum outcome find_access_id(struct txn *t)
{
	struct confirmation *c = t->state;

	return txn_ask_db(t, DB_FIND_ACCESS_ID, &c->find, &c->access);
}

static enum outcome have_access_id(struct txn *t, enum outcome brought)
{
	struct confirmation *c = t->state;
	const struct db_access *access = &c->access;

	c->is_exhausted = false;
	if (brought == NO_ROW)
		return txn_refuse(t, ACCESS_ID_NOT_FOUND, NO_ACCESS_ID);
	if (brought != FINE)
		return brought;
	if (access->kind != CREDENTIAL_COMPANION || access->state == ACCESS_RELEASED)
		return txn_refuse(t, ACCESS_ID_NOT_FOUND, NO_ACCESS_ID);
	if (access->state == ACCESS_REVOKED)
		return txn_refuse(t, CREDENTIAL_REVOKED, "The Access ID is revoked.");
	if (access->state == ACCESS_EXPIRED)
		return txn_refuse(
			t, CREDENTIAL_EXPIRED, "The Access ID was not confirmed in its time.");
	if (access->state == ACCESS_CONFIRMED && access->kdm.len == 0)
		return txn_refuse(t, CONFLICT,
			"The Access ID was confirmed long ago; its confirmation key is no longer "
			"kept.");
	return access->kdm.len == KEPT_LEN ? FINE : BROKEN;
}

/* MAC2 is looked at all the same, where there is none: a try is never free. */
static enum outcome have_imsi(struct txn *t, enum outcome brought)
{
	struct confirmation *c = t->state;

	c->is_exhausted = brought == IMSI_POOL_EXHAUSTED;
	if (c->is_exhausted) {
		c->imsi.number = 0;
		return FINE;
	}
	return held_imsi_take(t, &c->imsi, brought);
}

static uint64_t imsi_of(const struct confirmation *c)
{
	return c->access.state == ACCESS_PENDING ? c->imsi.number : (uint64_t)c->access.imsi;
}

static enum outcome verify_mac2(struct txn *t)
{
	struct confirmation *c = t->state;
	struct key_confirm_companion_in *in = &c->confirm;

	memcpy(in->kdm.at, c->access.kdm.at, sizeof(in->kdm.at));
	memcpy(in->access_id, c->find.access_id, sizeof(in->access_id));
	in->device_id = key_text_of(c->device_id);
	in->imsi = imsi_of(c);
	memcpy(in->mac2, c->mac2.at, sizeof(in->mac2));
	return txn_ask_key(t, KEY_CONFIRM_COMPANION, in, &c->made);
}

/* A wrong MAC2 is refused when it has been counted. */
static enum outcome have_verified(struct txn *t, enum outcome brought)
{
	struct confirmation *c = t->state;

	c->is_mac_wrong = brought == MAC_INVALID;
	if (brought == MAC_INVALID)
		return FINE;
	if (brought == FINE && strcmp(c->device_id, c->access.device_id) != 0)
		return txn_refuse_parameter(t, INVALID_PARAMETER, "deviceId",
			"This is not the device that the credential was asked for.");
	if (brought == FINE && c->is_exhausted)
		return txn_refuse(t, IMSI_POOL_EXHAUSTED, "No IMSI is left in the pools.");
	return brought;
}

static enum outcome count_wrong_mac(struct txn *t)
{
	struct confirmation *c = t->state;

	memcpy(c->wrong.access_id, c->find.access_id, sizeof(c->wrong.access_id));
	c->wrong.most = MOST_TRIES;
	return txn_ask_db(t, DB_COUNT_WRONG_MAC, &c->wrong, &c->counted);
}

static enum outcome have_counted(struct txn *t, enum outcome brought)
{
	const struct confirmation *c = t->state;

	if (brought == FINE && c->counted.state == ACCESS_REVOKED)
		return txn_refuse(t, MAC_INVALID,
			"MAC2 is wrong, and was so too often: the Access ID is revoked.");
	if (brought == FINE || brought == NO_ROW)
		return txn_refuse(t, MAC_INVALID, "MAC2 is not that of this Access ID and device.");
	return brought;
}

static enum outcome create_subscription(struct txn *t)
{
	struct confirmation *c = t->state;

	memcpy(c->create.access_id, c->find.access_id, sizeof(c->create.access_id));
	c->create.imsi = (int64_t)c->imsi.number;
	held_imsi_bind(&c->imsi);
	return txn_ask_db(t, DB_CONFIRM_ACCESS_ID, &c->create, NULL);
}

static enum outcome have_created(struct txn *t, enum outcome brought)
{
	struct confirmation *c = t->state;

	held_imsi_bound(t, &c->imsi, brought);
	if (brought == NO_ROW) /* its state is another by now: confirmed, revoked or expired */
		return txn_go_back(t, "find_access_id", MOST_TURNS, OVERLOADED);
	if (brought == CONFLICT) /* the IMSI is taken after all: another one */
		return txn_go_back(t, "allocate_imsi", MOST_TURNS, OVERLOADED);
	return brought;
}

static enum outcome answer_complete(struct txn *t)
{
	const struct confirmation *c = t->state;
	char supi[SUPI_TEXT_LEN];
	struct json_out o = json_start(t->arena);

	supi_write(imsi_of(c), supi);
	json_open(&o, '{');
	json_key(&o, "provisionComplete");
	json_bool(&o, true);
	json_member_text(&o, "supi", supi);
	json_member_base64(&o, "mac3", BYTES(c->made.mac3));
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}
