#include "tests/unit/sealer_case.h"

#include <check.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EVERY_S 0.01

static struct ev_loop *loop;
static struct audit_sealer *sealer;
struct audit_sealer_state sealer_state;
static char folder[] = "/tmp/arpf-audit.XXXXXX";
char sealer_root_file[64];

bool sealer_case_open_folder(void)
{
	if (mkdtemp(folder) == NULL)
		return false;
	snprintf(sealer_root_file, sizeof(sealer_root_file), "%s/root", folder);
	return true;
}

void sealer_case_remove_folder(void)
{
	rmdir(folder);
}

static void on_told(void *context, const struct audit_sealer_state *told)
{
	(void)context;
	sealer_state = *told;
}

void sealer_start(const char *root_file)
{
	loop = ev_loop_new(EVFLAG_AUTO);
	sealer_state = (struct audit_sealer_state){ 0 };
	sealer = audit_sealer_new(loop, &(struct audit_sealer_settings){
						.services = &W->services,
						.root_file = root_file,
						.every_s = EVERY_S,
						.verify = audit_world_verify,
						.told = on_told,
					});
	ck_assert_ptr_nonnull(sealer);
}

void sealer_end(void)
{
	audit_sealer_free(sealer);
	ev_loop_destroy(loop);
}

void sealer_look(void)
{
	unsigned looks = W->asked[DB_FIND_AUDIT_HEAD];

	for (int i = 0; i < 1000 && W->asked[DB_FIND_AUDIT_HEAD] == looks; i++) {
		ev_run(loop, EVRUN_ONCE);
		fake_lanes_let_go();
	}
	while (fake_lanes_held() > 0)
		fake_lanes_let_go();
}

void sealer_wait_for_no_look(void)
{
	ev_run(loop, EVRUN_NOWAIT);
	usleep(3 * 1000000 * EVERY_S);
	ev_run(loop, EVRUN_NOWAIT);
	fake_lanes_let_go();
}

void sealer_make_three(void)
{
	audit_world_open();
	for (int64_t xid = 701; xid <= 703; xid++) {
		audit_world_add(xid, 2);
		audit_world_seal(xid + 1);
	}
}

void sealer_assert_holds(void)
{
	size_t trees = W->tree_count;

	audit_world_add(750, 1);
	for (int i = 0; i < 3; i++) {
		sealer_look();
		ck_assert(sealer_state.is_broken);
		ck_assert_uint_eq(W->tree_count, trees);
	}
}

void sealer_assert_goes_on(void)
{
	size_t trees = W->tree_count;

	sealer_look();
	ck_assert(!sealer_state.is_broken);
	ck_assert_uint_eq(W->tree_count, trees + 1);
	ck_assert_uint_eq(audit_world_check(NULL), 0);
}
