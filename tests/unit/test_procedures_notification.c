/* The notification of a downloaded profile (docs/protocol.md section 10.3). */
#include "tests/unit/exchange_world.h"
#include "tests/unit/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char good_mac[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

static void notify(const char *result, const char *mac)
{
	char body[256];

	snprintf(body, sizeof(body), "{\"result\":\"%s\",\"mac\":\"%s\"}", result, mac);
	run(&profile_download_notification, body);
}

static void reset_bound(enum download_state state)
{
	reset_exchanges();
	exchange.download.state = (int32_t)state;
	exchange.download.kn.len = DB_KEPT_LEN;
	memset(exchange.download.kn.at, 0x4e, DB_KEPT_LEN);
}

START_TEST(test_notified)
{
	static const char *const results[] = { "FAILED", "INSTALLED" };

	begin_exchanges();
	for (int is_installed = 0; is_installed < 2; is_installed++) {
		reset_bound(DOWNLOAD_BOUND);
		notify(results[is_installed], good_mac);
		ck_assert(ended.status == 204 && ended.json == NULL);
		EXPECT_EXCHANGE_CALLS("find-kn", "check-notification", "end-download");
		const struct key_check_notification_in *in = &exchange.notification;
		ck_assert(in->mac[31] == 31 && in->kn.at[0] == 0x4e && in->download_id[0] == 0xa1);
		ck_assert(bytes_equal(bytes_of(in->result.at, in->result.len),
			bytes_of_text(results[is_installed])));
		ck_assert(exchange.closed.is_installed == (is_installed == 1));
		ck_assert_int_eq(exchange.closed.id[15], 0xa1);
		/* the same again, after its end */
		reset_bound(is_installed == 1 ? DOWNLOAD_INSTALLED : DOWNLOAD_FAILED);
		notify(results[is_installed], good_mac);
		ck_assert_int_eq(ended.status, 204);
		/* the other */
		reset_bound(is_installed == 1 ? DOWNLOAD_INSTALLED : DOWNLOAD_FAILED);
		exchange.ends[0] = NO_ROW;
		notify(results[1 - is_installed], good_mac);
		expect_exchange_refused(CONFLICT, NULL);
	}
	end_exchanges();
}
END_TEST

START_TEST(test_notified_wrongly)
{
	begin_exchanges();
	reset_bound(DOWNLOAD_BOUND);
	exchange.mac = MAC_INVALID;
	notify("INSTALLED", good_mac);
	expect_exchange_refused(MAC_INVALID, NULL);
	EXPECT_EXCHANGE_CALLS("find-kn", "check-notification");
	reset_bound(DOWNLOAD_BOUND);
	notify("INSTALLED", "AAAA");
	expect_exchange_refused(MAC_INVALID, NULL);
	notify("INSTALLED", "");
	expect_exchange_refused(MAC_INVALID, NULL);
	notify("installed", good_mac);
	expect_exchange_refused(INVALID_PARAMETER, "result");
	notify("", good_mac);
	expect_exchange_refused(INVALID_PARAMETER, "result");
	run(&profile_download_notification, "{\"result\":\"FAILED\"}");
	expect_exchange_refused(MISSING_PARAMETER, "mac");
	reset_exchanges(); /* not bound yet */
	notify("INSTALLED", good_mac);
	expect_exchange_refused(CONFLICT, NULL);
	exchange.find_brings = NO_ROW;
	notify("INSTALLED", good_mac);
	expect_exchange_refused(SESSION_NOT_FOUND, NULL);
	reset_bound(DOWNLOAD_OVER);
	notify("INSTALLED", good_mac);
	expect_exchange_refused(SESSION_EXPIRED, NULL);
	reset_bound(DOWNLOAD_INSTALLED);
	exchange.download.kn.len = 0; /* its time is over as well */
	notify("INSTALLED", good_mac);
	expect_exchange_refused(SESSION_EXPIRED, NULL);
	end_exchanges();
}
END_TEST

/* Ended by another since, or what the profile was for has changed. */
START_TEST(test_notified_too_late)
{
	begin_exchanges();
	reset_bound(DOWNLOAD_BOUND);
	exchange.revised_download = exchange.download;
	exchange.revised_download.state = DOWNLOAD_OVER;
	exchange.has_revised = true;
	exchange.ends[0] = NO_ROW;
	notify("INSTALLED", good_mac);
	expect_exchange_refused(SESSION_EXPIRED, NULL);
	exchange.revised_download.state = DOWNLOAD_BOUND;
	exchange.ends[1] = exchange.ends[2] = NO_ROW;
	notify("INSTALLED", good_mac);
	expect_exchange_refused(CONFLICT, NULL);
	ck_assert_uint_eq(exchange.end, 3);
	end_exchanges();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_notified, test_notified_wrongly,
		test_notified_too_late };

	return suite_run("procedures notification", tests, COUNT(tests));
}
