#include "tests/integration/life_case.h"

#include <stdio.h>

#include "base/clock.h"

void life_add(int64_t imsi, const char *set)
{
	char sql[600];

	snprintf(sql, sizeof(sql),
		"INSERT INTO credentials (imsi, dimsi, kind, created_at, changed_at, version, "
		"state,"
		" sealed) VALUES (%lld, 0, 1, 1, 1, 1, 1, 'key 1');"
		"UPDATE credentials SET %s WHERE imsi = %lld",
		(long long)imsi, set != NULL ? set : "state = 1", (long long)imsi);
	run(sql);
}

struct db_change_in life_change_of(int64_t imsi, enum credential_operation operation)
{
	return (struct db_change_in){
		.imsi = imsi,
		.from_mask = credential_from_mask(operation),
		.to = (int32_t)credential_to(operation),
		.is_final = credential_is_final(operation),
		.quarantine_until = clock_unix() + LIFE_REST,
	};
}

enum outcome life_change(
	int64_t imsi, enum credential_operation operation, struct db_changed *changed)
{
	struct db_change_in in = life_change_of(imsi, operation);

	memset(changed, 0xee, sizeof(*changed));
	return db_world_ask(&w, DB_CHANGE_STATE, &in, changed);
}

static struct db_rekey_in rekey_of(int64_t imsi, const char *sealed, int64_t overlap_s)
{
	return (struct db_rekey_in){
		.imsi = imsi,
		.from_mask = credential_from_mask(OPERATION_REKEY),
		.sealed = bytes_of_text(sealed),
		.overlap_s = overlap_s,
		.lifetime_s = 500,
	};
}

enum outcome life_rekey(
	int64_t imsi, const char *sealed, int64_t overlap_s, struct db_changed *changed)
{
	struct db_rekey_in in = rekey_of(imsi, sealed, overlap_s);

	memset(changed, 0xee, sizeof(*changed));
	return db_world_ask(&w, DB_REKEY, &in, changed);
}

int32_t life_state_of(int64_t imsi, int version)
{
	static struct db_version rows[8];
	int count = db_world_list(
		&w, DB_LIST_VERSIONS, &(struct db_imsi){ imsi }, rows, sizeof(rows[0]), 8);

	for (int i = 0; i < count; i++)
		if (rows[i].version == version)
			return rows[i].state;
	return -1;
}

struct db_credential life_serving(int64_t imsi)
{
	struct db_credential c = { 0 };

	ck_assert_int_eq(db_world_ask(&w, DB_ADVANCE_SQN, &(struct db_imsi){ imsi }, &c), FINE);
	return c;
}

struct db_noted life_note(void)
{
	struct db_sweep_in in = { .limit = 1000 };
	struct db_noted noted = { 0 };

	ck_assert_int_eq(db_world_ask(&w, DB_NOTE_OVERDUE, &in, &noted), FINE);
	return noted;
}
