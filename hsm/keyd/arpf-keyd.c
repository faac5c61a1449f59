/*
 * arpf-keyd: the only program that opens the PKCS#11 module, knows the PIN, and holds, for moments, what must
 * exist outside the token. No network, no database. arpfd starts it as a worker with a socket; arpfctl has
 * it make and list keys.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "hsm/keyd/commands.h"
#include "hsm/keyd/serve.h"

#define MOST_THREADS 64

struct call {
	const char *config;
	const char *log_level; /* NULL: the configuration's; of a command, warning */
	int fd;                /* -1: a command */
	unsigned threads;
	bool takes_subscribers;
};

static void say_usage(FILE *out)
{
	fputs("usage: arpf-keyd [--config FILE] keys init | keys list | keys rotate LABEL | probe\n"
	      "       arpf-keyd [--config FILE] ibs kms-init | ibs issue ID KPAK WRAPPED-KSAK "
	      "KEK-GENERATION\n"
	      "       arpf-keyd [--config FILE] --socket FD --threads N     (started by arpfd)\n"
	      "       … --subscribers                                       (by arpfctl)\n"
	      "options: --log-level debug|info|warning|error\n",
		out);
}

/* A number of a few digits; 0 for anything else. */
static unsigned read_number(const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	return end != text && *end == '\0' && v <= 1000000 ? (unsigned)v : 0;
}

static bool read_call(int argc, char **argv, struct call *call)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "socket", required_argument, NULL, 's' },
		{ "threads", required_argument, NULL, 't' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "subscribers", no_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};

	*call = (struct call){ .config = getenv("ARPF_CONFIG"), .fd = -1, .threads = 1 };
	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (o == 'h') {
			say_usage(stdout);
			exit(0);
		}
		if (o == 'c')
			call->config = optarg;
		else if (o == 's')
			call->fd = (int)read_number(optarg);
		else if (o == 't')
			call->threads = read_number(optarg);
		else if (o == 'l')
			call->log_level = optarg;
		else if (o == 'i')
			call->takes_subscribers = true;
		else
			return false;
	}
	return call->threads >= 1 && call->threads <= MOST_THREADS &&
	       (call->fd >= 0 ? call->fd > STDERR_FILENO && optind == argc : optind < argc);
}

/*
 * Nothing that is sent to a group ends it: a login or a key that is being made would be left half written. A worker
 * gets its end from its parent alone, whose end of the socket closes.
 */
static bool ignore_signals(void)
{
	return signal(SIGINT, SIG_IGN) != SIG_ERR && signal(SIGTERM, SIG_IGN) != SIG_ERR &&
	       signal(SIGHUP, SIG_IGN) != SIG_ERR;
}

static int work(const struct call *call, const struct settings *settings)
{
	struct token token;
	enum outcome o = token_open(&token, settings);
	int status = 1;

	if (o == FINE)
		status = keyd_serve(
			&token, settings, call->fd, call->threads, call->takes_subscribers);
	else
		keyd_say_failed(call->fd, o);
	token_close(&token);
	return status;
}

/* False where the option names no level. */
static bool choose_log_level(const struct call *call, const struct settings *settings)
{
	enum log_level level = LOG_LEVEL_WARNING; /* a command says only what went wrong */

	if (call->log_level != NULL && !log_level_read(call->log_level, &level))
		return false;
	if (call->log_level != NULL ||
		(call->fd >= 0 && log_level_read(settings->log_level, &level)))
		log_set_level(level);
	return true;
}

int main(int argc, char **argv)
{
	struct call call;
	struct settings settings;
	char error[512];

	log_start("arpf-keyd", LOG_LEVEL_WARNING);
	if (!read_call(argc, argv, &call)) {
		say_usage(stderr);
		return 2;
	}
	if (!secret_start() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !ignore_signals() ||
		(call.fd >= 0 && fcntl(call.fd, F_SETFD, FD_CLOEXEC) != 0)) {
		log_error("keyd_not_started", "reason=no_locked_memory_or_parent");
		return 1;
	}
	if (!settings_read(call.config, &settings, error, sizeof(error))) {
		log_error("settings_unusable", "reason=\"%s\"", error);
		return 1;
	}
	int status = 2;

	if (choose_log_level(&call, &settings))
		status = call.fd >= 0 ? work(&call, &settings)
				      : keyd_command(&settings, argv + optind, argc - optind);
	settings_free(&settings);
	if (status == 2)
		say_usage(stderr);
	return status;
}
