#include "db/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define CHANNEL_MAX 63 /* a PostgreSQL identifier */

struct channel {
	char name[CHANNEL_MAX + 1];
	void (*heard)(void *context);
	void *context;
	bool is_listened_to, is_noticed;
};

struct listener {
	struct db_link link;
	struct channel *channels;
	size_t count, asked; /* asked: so many are in the LISTENs under way */
};

/* Everyone is told once their channel is listened to: what was said before was not heard. */
static void tell(struct listener *l)
{
	for (size_t i = 0; i < l->count; i++) {
		if (!l->channels[i].is_noticed)
			continue;
		l->channels[i].is_noticed = false;
		l->channels[i].heard(l->channels[i].context);
	}
}

static void ask(struct listener *l)
{
	PGconn *pg = l->link.pg;
	char sql[512] = "";
	size_t len = 0;
	size_t i = 0;

	for (; i < l->count && len + 2 * CHANNEL_MAX + 16 < sizeof(sql); i++) {
		char *name = l->channels[i].is_listened_to
				     ? NULL
				     : PQescapeIdentifier(pg, l->channels[i].name,
					       strlen(l->channels[i].name));

		if (name != NULL)
			len += (size_t)snprintf(sql + len, sizeof(sql) - len, "LISTEN %s;", name);
		PQfreemem(name);
	}
	l->asked = i;
	if (len == 0)
		return;
	if (PQsendQuery(pg, sql) == 1)
		link_flush(&l->link);
	else
		link_break(&l->link, PQerrorMessage(pg));
}

static void on_up(struct db_link *link)
{
	ask((struct listener *)(void *)link);
}

static void on_down(struct db_link *link)
{
	struct listener *l = (struct listener *)(void *)link;

	l->asked = 0;
	for (size_t i = 0; i < l->count; i++)
		l->channels[i].is_listened_to = false;
}

/* All LISTENs under way have been answered. */
static void take_answer(struct listener *l)
{
	for (size_t i = 0; i < l->asked; i++) {
		l->channels[i].is_noticed |= !l->channels[i].is_listened_to;
		l->channels[i].is_listened_to = true;
	}
	link_settle(&l->link);
	if (l->asked < l->count)
		ask(l);
	else
		l->asked = 0;
}

static void take_notices(struct listener *l)
{
	PGnotify *notice;

	while ((notice = PQnotifies(l->link.pg)) != NULL) {
		for (size_t i = 0; i < l->count; i++)
			l->channels[i].is_noticed |=
				strcmp(l->channels[i].name, notice->relname) == 0;
		PQfreemem(notice);
	}
}

static void on_input(struct db_link *link)
{
	struct listener *l = (struct listener *)(void *)link;
	bool failed = false;

	while (l->asked > 0 && PQisBusy(link->pg) == 0) {
		PGresult *result = PQgetResult(link->pg);

		if (result == NULL) {
			take_answer(l);
			break;
		}
		failed |= PQresultStatus(result) != PGRES_COMMAND_OK;
		PQclear(result);
		if (failed) {
			link_break(link, PQerrorMessage(link->pg));
			return;
		}
	}
	if (link->pg != NULL)
		take_notices(l);
	tell(l);
}

struct listener *listener_new(struct ev_loop *loop, const char *conninfo)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->link = (struct db_link){
		.loop = loop,
		.conninfo = conninfo,
		.name = "listener",
		.on_up = on_up,
		.on_input = on_input,
		.on_down = on_down,
	};
	link_start(&l->link);
	return l;
}

void listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	link_stop(&l->link);
	free(l->channels);
	free(l);
}

enum outcome listener_add(
	struct listener *l, const char *channel, void (*heard)(void *context), void *context)
{
	if (strlen(channel) > CHANNEL_MAX)
		return BROKEN;
	struct channel *channels = realloc(l->channels, (l->count + 1) * sizeof(*channels));

	if (channels == NULL)
		return NO_MEMORY;
	l->channels = channels;
	channels[l->count] = (struct channel){ .heard = heard, .context = context };
	memcpy(channels[l->count].name, channel, strlen(channel) + 1);
	l->count++;
	if (l->link.is_up && l->asked == 0)
		ask(l);
	return FINE;
}
