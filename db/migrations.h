/* The files of migrations/ as the build put them into the program, by version. */
#ifndef DB_MIGRATIONS_H
#define DB_MIGRATIONS_H

struct migration {
	int version; /* its place, counted from 1 */
	const char *name;
	const char *sql;
};

extern const struct migration migrations[];
extern const int migration_count;

#endif
