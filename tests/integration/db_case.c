#include "tests/integration/db_case.h"

struct postgres_world *postgres;
struct db_world w;

void open_world(void)
{
	ck_assert(postgres_world_clear(postgres));
	db_world_open(&w, postgres, 3);
}

void close_world(void)
{
	db_world_close(&w);
}

long long number(const char *sql)
{
	return postgres_world_number(postgres, sql);
}

void run(const char *sql)
{
	ck_assert(postgres_world_run(postgres, sql));
}
