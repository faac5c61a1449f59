#include "tests/unit/moment.h"

static void on_over(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)w;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

void moment_run(struct ev_loop *loop, double seconds)
{
	ev_timer timer;

	ev_timer_init(&timer, on_over, seconds, 0);
	ev_timer_start(loop, &timer);
	ev_run(loop, 0);
}
