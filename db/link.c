#include "db/link.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define PAUSE_LEAST_S    0.05
#define PAUSE_MOST_S     2.0
#define CONNECT_WITHIN_S 5.0
#define REASON_MAX       160

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events);
static void on_io(struct ev_loop *loop, ev_io *io, int events);

/* The descriptor may be another each time: libpq goes through addresses. */
static void watch(struct db_link *l, int events)
{
	int fd = PQsocket(l->pg);

	if (ev_is_active(&l->io) && l->io.fd == fd &&
		(l->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(l->loop, &l->io);
	if (fd < 0)
		return;
	ev_io_set(&l->io, fd, events);
	ev_io_start(l->loop, &l->io);
}

static void set_timer(struct db_link *l, double after_s)
{
	ev_timer_stop(l->loop, &l->timer);
	ev_timer_set(&l->timer, after_s, 0);
	ev_timer_start(l->loop, &l->timer);
}

static void drop(struct db_link *l)
{
	ev_io_stop(l->loop, &l->io);
	ev_timer_stop(l->loop, &l->timer);
	PQfinish(l->pg);
	l->pg = NULL;
	l->is_up = false;
}

void link_break(struct db_link *l, const char *reason)
{
	char word[REASON_MAX];

	if (l->pg == NULL)
		return;
	if (!l->was_told)
		log_warning("database_connection_lost", "connection=%s reason=%s", l->name,
			log_value(reason, word, sizeof(word)));
	l->was_told = true;
	drop(l);
	set_timer(l, l->pause_s);
	l->pause_s = l->pause_s * 2 < PAUSE_MOST_S ? l->pause_s * 2 : PAUSE_MOST_S;
	l->on_down(l);
}

void link_settle(struct db_link *l)
{
	l->pause_s = PAUSE_LEAST_S;
	l->was_told = false;
}

static void be_up(struct db_link *l)
{
	ev_timer_stop(l->loop, &l->timer);
	if (PQsetnonblocking(l->pg, 1) != 0) {
		link_break(l, PQerrorMessage(l->pg));
		return;
	}
	l->is_up = true;
	watch(l, EV_READ);
	l->on_up(l);
}

static void connect_further(struct db_link *l)
{
	/* Before libpq closes a descriptor the loop must have let go of it. */
	ev_io_stop(l->loop, &l->io);
	switch (PQconnectPoll(l->pg)) {
	case PGRES_POLLING_READING:
		watch(l, EV_READ);
		return;
	case PGRES_POLLING_WRITING:
		watch(l, EV_WRITE);
		return;
	case PGRES_POLLING_OK:
		be_up(l);
		return;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
		break;
	}
	link_break(l, PQerrorMessage(l->pg));
}

/* libpq's own would write to stderr. */
static void on_notice(void *link, const char *message)
{
	const struct db_link *l = link;
	char word[REASON_MAX];

	log_debug("database_notice", "connection=%s message=%s", l->name,
		log_value(message, word, sizeof(word)));
}

static void begin(struct db_link *l)
{
	/* What stands before dbname is overridden by it. A dead peer is noticed within 25 s. */
	static const char *const names[] = { "fallback_application_name", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "dbname", NULL };
	const char *const values[] = { "arpfd", "10", "5", "3", l->conninfo, NULL };

	l->pg = PQconnectStartParams(names, values, 1);
	if (l->pg == NULL) {
		set_timer(l, l->pause_s);
		return;
	}
	if (PQstatus(l->pg) == CONNECTION_BAD) {
		link_break(l, PQerrorMessage(l->pg));
		return;
	}
	PQsetNoticeProcessor(l->pg, on_notice, l);
	set_timer(l, CONNECT_WITHIN_S);
	watch(l, EV_WRITE);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct db_link *l = timer->data;

	(void)loop;
	(void)events;
	if (l->pg == NULL)
		begin(l);
	else
		link_break(l, "connecting takes too long");
}

void link_flush(struct db_link *l)
{
	int left = PQflush(l->pg);

	if (left < 0)
		link_break(l, PQerrorMessage(l->pg));
	else
		watch(l, left > 0 ? EV_READ | EV_WRITE : EV_READ);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct db_link *l = io->data;

	(void)loop;
	if (!l->is_up) {
		connect_further(l);
		return;
	}
	/* Errors that came before the end are of interest to the owner too. */
	bool is_whole = (events & EV_READ) == 0 || PQconsumeInput(l->pg) == 1;
	if ((events & EV_READ) != 0)
		l->on_input(l);
	if (l->pg == NULL || !l->is_up)
		return;
	if (!is_whole)
		link_break(l, PQerrorMessage(l->pg));
	else if ((events & EV_WRITE) != 0)
		link_flush(l);
}

void link_start(struct db_link *l)
{
	ev_init(&l->io, on_io);
	ev_init(&l->timer, on_timer);
	l->io.data = l;
	l->timer.data = l;
	l->pause_s = PAUSE_LEAST_S;
	set_timer(l, 0);
}

void link_stop(struct db_link *l)
{
	drop(l);
}

static bool is_numeric(const char *host, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (len >= sizeof(text))
		return false;
	memcpy(text, host, len);
	text[len] = '\0';
	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

/*
 * A list of hosts as libpq takes it: empty ones and those that begin with / or @ are Unix sockets.
 */
static bool has_names(const char *hosts)
{
	while (*hosts != '\0') {
		size_t len = strcspn(hosts, ",");

		if (len > 0 && hosts[0] != '/' && hosts[0] != '@' && !is_numeric(hosts, len))
			return true;
		hosts += len + (hosts[len] == ',');
	}
	return false;
}

void link_warn_of_names(const char *conninfo)
{
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	const char *hosts = getenv("PGHOST");
	const char *addresses = getenv("PGHOSTADDR");

	for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
		if (o->val == NULL)
			continue;
		if (strcmp(o->keyword, "host") == 0)
			hosts = o->val;
		else if (strcmp(o->keyword, "hostaddr") == 0)
			addresses = o->val;
	}
	if (hosts != NULL && (addresses == NULL || *addresses == '\0') && has_names(hosts))
		log_warning("database_host_is_a_name",
			"advice=give_hostaddr_too,_else_each_connection_waits_for_name_resolution");
	PQconninfoFree(options);
}
