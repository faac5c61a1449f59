/*
 * arpfd: the server. The main thread reads the configuration, opens the listeners, starts the reactors and
 * waits for signals: SIGTERM and SIGINT drain and stop, a second one stops at once, SIGHUP reloads.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "hsm/tool.h"
#include "peers/http_client.h"
#include "procedures/arpf_directory.h"
#include "procedures/body.h"
#include "server/listener.h"
#include "server/reactor.h"
#include "server/roles.h"

#define MOST_ISSUERS 4096

struct server {
	const char *config_path;
	struct settings settings;
	struct tls *tls; /* NULL: plain HTTP */
	struct http_identity *identity;
	struct issuer_cache *issuers;
	struct metrics **metrics;
	struct reactor **reactors;
	unsigned started;
	bool has_admin_socket;
};

static void say_usage(FILE *out)
{
	fputs("usage: arpfd [--config FILE] [--check] [--routes]\n"
	      "  --config FILE  settings (default: $ARPF_CONFIG, else the built-in ones)\n"
	      "  --check        read the settings and say whether they are good\n"
	      "  --routes       print every route and the roles that may call it\n"
	      "  --version      print the version\n"
	      "SIGTERM drains and stops, a second one stops at once; SIGHUP reloads.\n",
		out);
}

static void print_routes(void)
{
	const struct route *route;

	for (unsigned i = 0; (route = routes_at(i)) != NULL; i++) {
		printf("%s %s", route->method, route->path);
		for (unsigned role = 1; role < ROLE_EVERY; role <<= 1)
			if ((route->roles & role) != 0)
				printf(" %s", role_name(role));
		putchar('\n');
	}
}

static bool read_settings(const char *path, struct settings *s)
{
	char error[512];

	if (!settings_read(path, s, error, sizeof(error))) {
		log_error("settings_unusable", "reason=\"%s\"", error);
		return false;
	}
	enum log_level level;
	const char *wrong = NULL;

	if (!log_level_read(s->log_level, &level) || !keyd_find(s))
		wrong = "[server] log_level";
	else if (s->d_ausf_uri[0] != '\0' && !peer_uri_is_safe(s->d_ausf_uri))
		wrong = "[network] d_ausf_uri: no https:// URI, nor an http:// one of the loopback";
	else if (s->tls_certificate_file[0] != '\0' &&
		 (s->tls_key_file[0] == '\0' || s->tls_client_ca_file[0] == '\0'))
		wrong = "[tls] certificate_file: key_file and client_ca_file go with it";
	if (wrong == NULL) {
		log_set_level(level);
		return true;
	}
	log_error("settings_unusable", "reason=\"%s\"", wrong);
	settings_free(s);
	return false;
}

static struct settings *read_own_settings(const char *path)
{
	struct settings *own = malloc(sizeof(*own));

	if (own != NULL && read_settings(path, own))
		return own;
	free(own);
	return NULL;
}

static bool start_reactor(struct server *server, unsigned number)
{
	char error[256];
	const struct settings *s = &server->settings;
	bool has_admin = number == 0 && s->admin_socket[0] != '\0';
	struct settings *own = read_own_settings(server->config_path);

	if (own == NULL)
		return false;
	int fd = listener_open(
		s->listen, s->reactors > 1, server->tls != NULL, error, sizeof(error));
	int admin_fd = has_admin && fd >= 0
			       ? listener_open_unix(s->admin_socket, error, sizeof(error))
			       : -1;

	server->has_admin_socket = server->has_admin_socket || admin_fd >= 0;
	if (fd < 0 || (has_admin && admin_fd < 0)) {
		log_error("listener_not_opened", "reason=\"%s\"", error);
		return false;
	}
	server->reactors[number] = reactor_start(
		&(struct reactor_settings){
			.config_path = server->config_path,
			.tls = server->tls,
			.identity = server->identity,
			.issuers = server->issuers,
			.all_metrics = server->metrics,
			.all_metrics_count = s->reactors,
			.number = number,
			.listen_fd = fd,
			.admin_fd = admin_fd,
		},
		own);
	if (server->reactors[number] == NULL)
		return false;
	server->started++;
	return true;
}

static struct http_identity *read_identity(const struct settings *s)
{
	char error[256];
	struct http_identity *identity = http_identity_read(
		&(struct http_identity_files){
			.ca = s->peer_ca_file,
			.certificate = s->peer_certificate_file,
			.key = s->peer_key_file,
		},
		error, sizeof(error));

	if (identity == NULL)
		log_error("peer_files_unusable", "reason=\"%s\"", error);
	return identity;
}

static bool read_tls(struct server *server)
{
	const struct settings *s = &server->settings;

	server->identity = read_identity(s);
	if (server->identity == NULL)
		return false;
	server->tls = s->tls_certificate_file[0] != '\0' ? tls_new(s) : NULL;
	return server->tls != NULL || s->tls_certificate_file[0] == '\0';
}

/* Certificates, keys and CAs are read anew from where they were; unusable ones leave the old in force. */
static void reload_tls(struct server *server)
{
	struct http_identity *identity = read_identity(&server->settings);

	if (server->tls != NULL)
		tls_reload(server->tls, &server->settings);
	if (identity == NULL)
		return;
	for (unsigned i = 0; i < server->started; i++)
		reactor_set_identity(server->reactors[i], http_identity_take(identity));
	http_identity_give_back(server->identity);
	server->identity = identity;
}

static bool start_all(struct server *server)
{
	unsigned count = server->settings.reactors;

	if (!read_tls(server))
		return false;
	server->issuers = issuer_cache_new(MOST_ISSUERS);
	server->metrics = calloc(count, sizeof(struct metrics *));
	server->reactors = calloc(count, sizeof(struct reactor *));
	if (server->issuers == NULL || server->metrics == NULL || server->reactors == NULL)
		return false;
	for (unsigned i = 0; i < count; i++)
		if ((server->metrics[i] = metrics_new(routes_procedure)) == NULL)
			return false;
	for (unsigned i = 0; i < count; i++)
		if (!start_reactor(server, i))
			return false;
	return true;
}

static void reload(struct server *server)
{
	reload_tls(server);
	for (unsigned i = 0; i < server->started; i++) {
		struct settings *fresh = read_own_settings(server->config_path);

		if (fresh == NULL)
			return; /* logged; what is in force stays */
		reactor_reload(server->reactors[i], fresh);
	}
}

static bool all_are_over(const struct server *server)
{
	for (unsigned i = 0; i < server->started; i++)
		if (!reactor_is_over(server->reactors[i]))
			return false;
	return true;
}

/* Returns when every reactor has ended. */
static void wait_for_signals(struct server *server, const sigset_t *signals)
{
	const struct timespec look = { .tv_nsec = 50000000 };
	unsigned stops = 0;

	while (!all_are_over(server)) {
		int signal = stops == 0 ? sigwaitinfo(signals, NULL)
					: sigtimedwait(signals, NULL, &look);

		if (signal == SIGHUP)
			reload(server);
		if (signal != SIGTERM && signal != SIGINT)
			continue;
		log_info("server_stopping", "at_once=%d", stops > 0 ? 1 : 0);
		for (unsigned i = 0; i < server->started; i++)
			if (stops == 0)
				reactor_drain(server->reactors[i]);
			else
				reactor_stop(server->reactors[i]);
		stops++;
	}
}

static void end_all(struct server *server)
{
	for (unsigned i = 0; i < server->started; i++)
		reactor_join(server->reactors[i]);
	for (unsigned i = 0; server->metrics != NULL && i < server->settings.reactors; i++)
		metrics_free(server->metrics[i]);
	free(server->reactors);
	free(server->metrics);
	issuer_cache_free(server->issuers);
	tls_free(server->tls);
	http_identity_give_back(server->identity);
	if (server->has_admin_socket)
		unlink(server->settings.admin_socket);
	settings_free(&server->settings);
}

/* As many descriptors as the system lets us have; no core dump of what strangers have sent. */
static void set_limits(void)
{
	struct rlimit files;
	struct rlimit none = { 0, 0 };

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) != 0)
			log_warning("limit_not_set", "limit=nofile reason=\"%s\"", strerror(errno));
	}
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		log_warning("limit_not_set", "limit=core reason=\"%s\"", strerror(errno));
}

static int serve(struct server *server)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(
		SIG_BLOCK, &signals, NULL); /* in every thread: the main one waits for them */
	signal(SIGPIPE, SIG_IGN);
	set_limits();
	body_start();
	if (!log_start_thread()) /* before other threads: they look at whether there is one */
		log_warning("log_thread_not_started", "lines=written_by_their_callers");
	http_client_start();
	bool good = start_all(server);

	if (good) {
		log_info("server_started", "version=%s pid=%d listen=%s reactors=%u", ARPF_VERSION,
			(int)getpid(), server->settings.listen, server->started);
		wait_for_signals(server, &signals);
	} else {
		for (unsigned i = 0; i < server->started; i++)
			reactor_stop(server->reactors[i]);
	}
	end_all(server);
	http_client_stop();
	log_info("server_stopped", "pid=%d", (int)getpid());
	log_stop();
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "routes", no_argument, NULL, 'r' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct server server = { .config_path = getenv("ARPF_CONFIG") };
	bool only_check = false;

	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;)
		switch (o) {
		case 'c':
			server.config_path = optarg;
			break;
		case 'k':
			only_check = true;
			break;
		case 'r':
			print_routes();
			return 0;
		case 'v':
			puts("arpfd " ARPF_VERSION);
			return 0;
		case 'h':
			say_usage(stdout);
			return 0;
		default:
			say_usage(stderr);
			return 2;
		}
	if (optind < argc) {
		say_usage(stderr);
		return 2;
	}
	log_start("arpfd", LOG_LEVEL_INFO);
	if (!read_settings(server.config_path, &server.settings))
		return 1;
	if (only_check) {
		settings_free(&server.settings);
		return 0;
	}
	return serve(&server);
}
