/*
 * One libpq connection on the loop: made in the background, watched, and made again when it
 * breaks, after a pause that grows from 50 ms to 2 s. What is said over it is its owner's affair.
 * Inside db/ only.
 *
 * libpq resolves host names while it connects, and waits for the answer. Unix sockets, numeric
 * addresses and `hostaddr` need no resolving; a conninfo that does is warned of once.
 */
#ifndef DB_LINK_H
#define DB_LINK_H

#include <ev.h>
#include <libpq-fe.h>
#include <stdbool.h>

struct db_link {
	/* set by the owner before link_start() */
	struct ev_loop *loop;
	const char *conninfo;
	const char *name;                 /* for the log */
	void (*on_up)(struct db_link *l); /* connected; non-blocking from here on */
	/* Something has come. May call link_break(). */
	void (*on_input)(struct db_link *l);
	void (*on_down)(struct db_link
			*l); /* what was under way is lost; may be called from link_break() */

	/* the link's own */
	PGconn *pg; /* NULL between connections */
	ev_io io;
	ev_timer timer;
	double pause_s;
	bool is_up, was_told;
};

void link_start(struct db_link *l);
/* Without on_down(). */
void link_stop(struct db_link *l);
/* Sends what libpq holds; call it after each PQsend…(). */
void link_flush(struct db_link *l);
/* Gives the connection up; it is made again by and by. The reason is logged, once an outage. */
void link_break(struct db_link *l, const char *reason);
/*
 * The connection does what it is for: the next outage begins with the shortest pause and is
 * logged.
 */
void link_settle(struct db_link *l);

/* Logs a warning where connecting will resolve a host's name. */
void link_warn_of_names(const char *conninfo);

#endif
