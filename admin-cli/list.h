/*
 * A list of the server's, as a table or as JSON {"items": […]}, shown page by page so that a long one
 * needs no room.
 */
#ifndef ADMIN_CLI_LIST_H
#define ADMIN_CLI_LIST_H

#include "admin-cli/remote.h"
#include "admin-cli/table.h"

/* The columns: heading and the member of the item it shows. Ends with heading NULL. */
struct list_column {
	const char *heading, *member;
};

enum cli_end list_show(struct cli *cli, const char *path, const struct list_column *columns);
/*
 * Of a command whose options are the list's filters: --changed-since is the parameter changedSince. What takes a TIME
 * is looked at here, --limit is how many items are wanted at most, and what else a value may be the server says.
 * cursor: as in struct remote_list.
 */
enum cli_end list_show_filtered(
	struct cli *cli, const char *path, const char *cursor, const struct list_column *columns);
/* One item's cells. */
void list_add_row(struct table *t, const struct list_column *columns, const json_t *item);
struct table list_start_table(const struct list_column *columns);

#endif
