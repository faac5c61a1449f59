#include "procedures/body.h"
#include "procedures/profile_download.h"

#define MAC_LEN    32
#define MAC_MOST   64 /* one of another length is a wrong one */
#define MOST_LOOKS 1u

struct notification {
	const char *result;
	bool is_installed;
	struct bytes mac;
	struct db_exchange_id find;
	struct db_download_kn row;
	struct key_check_notification_in check;
	struct key_nothing nothing;
	struct db_download_end_in end;
	struct db_download_ended ended;
};

static enum outcome read_notification(struct txn *t);
static enum outcome find_kn(struct txn *t);
static enum outcome have_kn(struct txn *t, enum outcome brought);
static enum outcome check_mac(struct txn *t);
static enum outcome have_checked_mac(struct txn *t, enum outcome brought);
static enum outcome end_download(struct txn *t);
static enum outcome have_ended_download(struct txn *t, enum outcome brought);
static enum outcome answer_notification(struct txn *t);

const struct procedure profile_download_notification = {
	.name = "profile-download-notification", /* Solution #5.x, 11; Solution 12.X, 5 and 6 */
	.state_size = sizeof(struct notification),
	.steps = {
		{ "read_notification", LANE_LOOP, read_notification },
		{ "find_kn", LANE_DB, find_kn, have_kn },
		{ "check_mac", LANE_KEY, check_mac, have_checked_mac },
		/* the profile lives, eK retires, the device detaches: one commit */
		{ "end_download", LANE_DB, end_download, have_ended_download },
		{ "answer_notification", LANE_REPLY, answer_notification },
	},
};

static enum outcome read_notification(struct txn *t)
{
	struct notification *n = t->state;
	enum outcome o = path_hex(t, 0, "downloadId", n->find.id, sizeof(n->find.id));

	if (o == FINE)
		o = body_read(t);
	if (o == FINE)
		o = body_text(t, t->json, "result", KEY_TEXT_MAX, &n->result);
	if (o != FINE)
		return o;
	n->is_installed = strcmp(n->result, "INSTALLED") == 0;
	if (!n->is_installed && strcmp(n->result, "FAILED") != 0)
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, "result", "This is neither INSTALLED nor FAILED.");
	return body_bytes(t, t->json, "mac", 0, MAC_MOST, &n->mac);
}

static enum outcome find_kn(struct txn *t)
{
	struct notification *n = t->state;

	return txn_ask_db(t, DB_FIND_KN, &n->find, &n->row);
}

/* Kn outlives the end: the same notification may come again. */
static enum outcome have_kn(struct txn *t, enum outcome brought)
{
	const struct notification *n = t->state;

	if (brought == NO_ROW)
		return txn_refuse(t, SESSION_NOT_FOUND, "There is no such download.");
	if (brought != FINE)
		return brought;
	if (n->row.state == DOWNLOAD_OFFERED)
		return txn_refuse(t, CONFLICT, "The download's profile was not asked for.");
	if (n->row.state == DOWNLOAD_OVER || n->row.kn.len == 0)
		return txn_refuse(t, SESSION_EXPIRED, "The download's time is over.");
	return n->row.kn.len == KEPT_LEN ? FINE : BROKEN;
}

static enum outcome refuse_mac(struct txn *t)
{
	return txn_refuse(t, MAC_INVALID,
		"The MAC is not that of this notification under the download's Kn.");
}

static enum outcome check_mac(struct txn *t)
{
	struct notification *n = t->state;

	if (n->mac.len != MAC_LEN)
		return refuse_mac(t);
	memcpy(n->check.download_id, n->find.id, sizeof(n->check.download_id));
	memcpy(n->check.kn.at, n->row.kn.at, sizeof(n->check.kn.at));
	n->check.result = key_text_of(n->result);
	memcpy(n->check.mac, n->mac.at, sizeof(n->check.mac));
	return txn_ask_key(t, KEY_CHECK_NOTIFICATION, &n->check, &n->nothing);
}

static enum outcome have_checked_mac(struct txn *t, enum outcome brought)
{
	return brought == MAC_INVALID ? refuse_mac(t) : brought;
}

static enum outcome end_download(struct txn *t)
{
	struct notification *n = t->state;

	memcpy(n->end.id, n->find.id, sizeof(n->end.id));
	n->end.is_installed = n->is_installed;
	return txn_ask_db(t, DB_END_DOWNLOAD, &n->end, &n->ended);
}

static enum outcome have_ended_download(struct txn *t, enum outcome brought)
{
	const struct notification *n = t->state;

	if (brought != NO_ROW)
		return brought;
	if (n->row.state != DOWNLOAD_BOUND)
		return txn_refuse(t, CONFLICT, "The download has ended with the other result.");
	/* It has ended since, or its subscription has been changed. */
	t->detail = "The subscription has changed since: this profile cannot become its key.";
	return txn_go_back(t, "find_kn", MOST_LOOKS, CONFLICT);
}

static enum outcome answer_notification(struct txn *t)
{
	t->answer.status = 204;
	return FINE;
}
