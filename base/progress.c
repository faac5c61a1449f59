#include "base/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define WIDTH        30
#define REDRAW_US    100000
#define CLEAR_TO_END "\033[K"

struct progress progress_start(const char *what, uint64_t done, uint64_t total)
{
	struct progress p = {
		.what = what,
		.total = total,
		.shown = isatty(STDERR_FILENO) == 1,
		.started_us = clock_us(),
		.from = done,
	};

	progress_show(&p, done);
	return p;
}

static void draw(struct progress *p, uint64_t done, int64_t now_us)
{
	static const char full[] = "##############################";
	double seconds = (double)(now_us - p->started_us) / 1e6;
	double rate = seconds > 0 ? (double)(done - p->from) / seconds : 0;
	double part = p->total > 0 ? (double)done / (double)p->total : 0;
	int bar = part < 1 ? (int)(part * WIDTH) : WIDTH;

	_Static_assert(sizeof(full) == WIDTH + 1, "a bar's length");
	p->drawn_us = now_us;
	if (p->total > 0)
		fprintf(stderr, "\r%-10s [%.*s%*s] %3.0f %%  %" PRIu64 "  %.0f/s" CLEAR_TO_END,
			p->what, bar, full, WIDTH - bar, "", part * 100, done, rate);
	else
		fprintf(stderr, "\r%-10s %" PRIu64 "  %.0f/s" CLEAR_TO_END, p->what, done, rate);
}

void progress_show(struct progress *p, uint64_t done)
{
	if (!p->shown)
		return;
	int64_t now_us = clock_us();

	if (now_us - p->drawn_us >= REDRAW_US)
		draw(p, done, now_us);
}

void progress_end(struct progress *p, uint64_t done)
{
	if (!p->shown)
		return;
	draw(p, done, clock_us());
	fputc('\n', stderr);
}
