/*
 * The configuration: one INI file, one table.
 *
 * Every program of the project reads the same file into the same structure; the table in settings.c
 * (name, kind, default, limits, reloadable, help) is the only place where a setting is described,
 * and the sample file and `--help` are printed from it. Unknown names, repeated names and values
 * outside their limits are errors with the line's number. Texts belong to the structure.
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/imsi.h"

#define SETTINGS_MAX_PLMNS 16
/* Bytes of texts that are handed to devices. */
#define SETTINGS_DNN_MAX          64
#define SETTINGS_SERVER_MAX       256
#define SETTINGS_NETWORK_NAME_MAX 64

struct settings {
	/* [server] */
	char *listen;       /* address:port */
	char *admin_socket; /* path; empty: none */
	char *log_level;
	uint32_t reactors;
	uint32_t cpu_threads; /* a reactor */
	uint32_t transactions_in_flight;
	uint32_t connection_limit;
	uint32_t connection_timeout_s, request_timeout_s;
	uint32_t deadline_ms;
	uint32_t drain_ms;
	char *af_fqdn;
	char *ua_protocol; /* 10 hex digits */

	/* [network] */
	char *home_plmn;
	char *discovery_plmns; /* blank-separated */
	char *d_ausf_uri;      /* empty: this server is the D-AUSF */
	char *arpf_peers;      /* blank-separated URI prefixes an arpfUri may begin with */

	/* [tls]; texts are paths */
	char *tls_certificate_file; /* empty: plain HTTP, on loopback only */
	char *tls_key_file;
	char *tls_client_ca_file;
	char *peer_certificate_file; /* this server's towards others */
	char *peer_key_file;
	char *peer_ca_file; /* empty: the system's */

	/* [hsm] */
	char *module;
	char *token;
	char *pin_file;
	char *keyd_path;
	uint32_t key_workers; /* arpf-keyd processes a reactor */
	uint32_t key_threads; /* sessions a process */
	uint32_t key_timeout_ms;
	uint32_t key_worker_operations; /* a worker is replaced after so many; 0: never */
	uint32_t largest_tree;
	char *ca_certificate_file;
	char *ca_key_file;

	/* [database] */
	char *database; /* libpq conninfo; empty: libpq's environment */
	uint32_t database_connections;
	uint32_t imsi_block;
	uint32_t lease_s;
	uint32_t quarantine_s;

	/* [subscriptions] */
	uint32_t ek_lifetime_s;
	uint32_t session_lifetime_s;
	char *confirmation; /* required, optional */
	uint32_t confirmation_s;
	char *ibs_suite; /* eccsi-p256-sha256, ecdsa-p256-sha256 */
	uint32_t rekey_overlap_s;

	/* [attach] */
	char *attach_dnn;
	char *allowed_destinations; /* blank-separated host:port */
	char *provisioning_server;
	uint32_t attach_s;      /* an offered attach is answered within */
	uint32_t pdu_session_s; /* what it leads to lives */
	uint32_t download_s;    /* likewise a download, from offer to notification */

	/* [audit] */
	char *audit; /* on, off */
	char *audit_root_file;

	/* [trust] */
	char *stale_crl; /* closed, open */

	/* [devices] */
	char *certificate_hosts;    /* blank-separated origins, as arpf_peers */
	char *certificate_networks; /* blank-separated CIDR blocks */
	char *certificate_ca_file;
	char *network_name;
	uint32_t profile_lifetime_s;

	/* made from the above by settings_read */
	uint8_t ua_protocol_id[5];
	bool confirmation_required;
	bool ibs_is_eccsi;
	bool audit_is_on;
	bool stale_crl_is_open;
	struct plmn home;
	struct plmn discovery[SETTINGS_MAX_PLMNS];
	unsigned discovery_count;
};

/*
 * Reads the file, or only the defaults where path is NULL. false: the reason, with the line's number,
 * is in error; *s holds nothing then.
 */
bool settings_read(const char *path, struct settings *s, char *error, size_t error_size);
void settings_free(struct settings *s);
/*
 * Takes from `fresh` what may change in a running server, and appends to `kept` the names of the
 * settings that differ and need a restart.
 */
void settings_reload(struct settings *s, struct settings *fresh, char *kept, size_t kept_size);
/* The commented sample file. */
void settings_print_sample(FILE *out);
bool settings_is_discovery_imsi(const struct settings *s, uint64_t imsi);

#endif
