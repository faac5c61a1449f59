#include "base/settings.h"

#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cidr.h"

enum setting_kind { TEXT, NUMBER };

struct setting {
	const char *section;
	const char *name;
	enum setting_kind kind;
	size_t at;
	const char *fallback;
	uint32_t least, most; /* NUMBER */
	bool reloadable;
	const char *help;
};

#define AT(member) offsetof(struct settings, member)

static const struct setting table[] = {
	{ "server", "listen", TEXT, AT(listen), "127.0.0.1:8480", 0, 0, false,
		"Address and port of the listener. Plain HTTP is spoken on loopback addresses "
		"only; any other needs [tls]." },
	{ "server", "admin_socket", TEXT, AT(admin_socket), "/run/arpf/admin.sock", 0, 0, false,
		"Unix socket for arpfctl; root and the server's own user are let in. Empty: "
		"none." },
	{ "server", "log_level", TEXT, AT(log_level), "info", 0, 0, true,
		"debug, info, warning or error." },
	{ "server", "reactors", NUMBER, AT(reactors), "1", 1, 64, false,
		"Event loops, each with its own listener, lanes and database connections." },
	{ "server", "cpu_threads", NUMBER, AT(cpu_threads), "1", 1, 64, false,
		"Threads of a reactor's CPU lane (certificate and signature checks)." },
	{ "server", "transactions_in_flight", NUMBER, AT(transactions_in_flight), "4096", 1,
		1000000, true,
		"Transactions a reactor works on at once; more are refused with 503." },
	{ "server", "connection_limit", NUMBER, AT(connection_limit), "8192", 16, 1000000, false,
		"Connections a reactor keeps open." },
	{ "server", "connection_timeout_s", NUMBER, AT(connection_timeout_s), "60", 1, 86400, false,
		"Seconds after which an idle connection is closed." },
	{ "server", "request_timeout_s", NUMBER, AT(request_timeout_s), "30", 1, 3600, false,
		"Seconds within which a request has come, from its first byte (or up to a quarter "
		"of that "
		"later) to its last." },
	{ "server", "deadline_ms", NUMBER, AT(deadline_ms), "10000", 100, 600000, true,
		"Milliseconds within which a transaction is answered." },
	{ "server", "drain_ms", NUMBER, AT(drain_ms), "10000", 0, 600000, true,
		"Milliseconds a stopping server gives to what is under way." },
	{ "server", "af_fqdn", TEXT, AT(af_fqdn), "arpf.5gc.mnc001.mcc001.3gppnetwork.org", 0, 0,
		false, "The server's name as an AKMA application function (TS 33.535)." },
	{ "server", "ua_protocol", TEXT, AT(ua_protocol), "0100000000", 0, 0, false,
		"The Ua* security protocol identifier behind that name in AF_ID, 10 hex digits." },

	{ "network", "home_plmn", TEXT, AT(home_plmn), "00101", 0, 0, false,
		"The operator's own PLMN, MCC and MNC." },
	{ "network", "discovery_plmns", TEXT, AT(discovery_plmns), "00199", 0, 0, false,
		"The PLMNs of dIMSIs, separated by blanks." },
	{ "network", "d_ausf_uri", TEXT, AT(d_ausf_uri), "", 0, 0, false,
		"The D-AUSF that RAND and AUTN are handed to. Empty: this server." },
	{ "network", "arpf_peers", TEXT, AT(arpf_peers), "", 0, 0, true,
		"Origins that an arpfUri may have (https://host, https://host:port, or :* for "
		"every "
		"port), separated by blanks." },

	{ "tls", "certificate_file", TEXT, AT(tls_certificate_file), "", 0, 0, false,
		"Certificate (PEM, issuers behind it) of the listener, which then speaks HTTPS "
		"with "
		"client certificates. The file is read anew at a reload. Empty: plain HTTP." },
	{ "tls", "key_file", TEXT, AT(tls_key_file), "", 0, 0, false,
		"Its private key (PEM); read anew at a reload." },
	{ "tls", "client_ca_file", TEXT, AT(tls_client_ca_file), "", 0, 0, false,
		"CAs (PEM) of the callers' certificates, and their CRLs; read anew at a reload." },
	{ "tls", "peer_certificate_file", TEXT, AT(peer_certificate_file), "", 0, 0, false,
		"Certificate (PEM) this server shows to ARPFs and D-AUSFs; read anew at a reload. "
		"Empty: none." },
	{ "tls", "peer_key_file", TEXT, AT(peer_key_file), "", 0, 0, false,
		"Its private key (PEM); read anew at a reload." },
	{ "tls", "peer_ca_file", TEXT, AT(peer_ca_file), "", 0, 0, false,
		"CAs (PEM) that ARPFs and D-AUSFs are trusted by; read anew at a reload. Empty: "
		"the system's." },

	{ "hsm", "module", TEXT, AT(module), "/usr/lib/softhsm/libsofthsm2.so", 0, 0, false,
		"The PKCS#11 module." },
	{ "hsm", "token", TEXT, AT(token), "openarpf", 0, 0, false, "Label of the token." },
	{ "hsm", "pin_file", TEXT, AT(pin_file), "/etc/arpf/pin", 0, 0, false,
		"File with the user PIN; read by arpf-keyd alone." },
	{ "hsm", "keyd_path", TEXT, AT(keyd_path), "", 0, 0, false,
		"The arpf-keyd program. Empty: beside the program that starts it." },
	{ "hsm", "key_workers", NUMBER, AT(key_workers), "2", 1, 64, false,
		"arpf-keyd processes of a reactor." },
	{ "hsm", "key_threads", NUMBER, AT(key_threads), "1", 1, 64, false,
		"Sessions of an arpf-keyd process, one a thread. More than one suits a network "
		"HSM." },
	{ "hsm", "key_timeout_ms", NUMBER, AT(key_timeout_ms), "2000", 50, 60000, true,
		"Milliseconds after which a worker with an unanswered batch is replaced." },
	{ "hsm", "key_worker_operations", NUMBER, AT(key_worker_operations), "2000000", 0,
		4000000000, true,
		"Operations after which a worker is replaced (modules leak). 0: never." },
	{ "hsm", "largest_tree", NUMBER, AT(largest_tree), "64", 1, 64, false,
		"The most answers that share one signature." },
	{ "hsm", "ca_certificate_file", TEXT, AT(ca_certificate_file), "", 0, 0, false,
		"Certificate (PEM) of the CA that `arpfctl keys` has certify new keys. Empty: "
		"self-signed." },
	{ "hsm", "ca_key_file", TEXT, AT(ca_key_file), "", 0, 0, false,
		"Private key (PEM) of that CA; read by arpf-keyd alone." },

	{ "database", "connection", TEXT, AT(database), "", 0, 0, false,
		"libpq connection string. Empty: PGHOST, PGPORT, PGDATABASE, PGUSER." },
	{ "database", "connections", NUMBER, AT(database_connections), "3", 1, 64, false,
		"Connections of a reactor." },
	{ "database", "imsi_block", NUMBER, AT(imsi_block), "4096", 16, 1000000, false,
		"IMSIs that a reactor leases at a time." },
	{ "database", "lease_s", NUMBER, AT(lease_s), "30", 5, 3600, false,
		"Seconds after which the lease of a server that fell silent may be taken over." },
	{ "database", "quarantine_s", NUMBER, AT(quarantine_s), "2592000", 0, 4000000000, true,
		"Seconds that a released IMSI rests before it is given out again." },

	{ "subscriptions", "ek_lifetime_s", NUMBER, AT(ek_lifetime_s), "86400", 1, 4000000000, true,
		"Seconds after its first successful authentication that an eK retires." },
	{ "subscriptions", "session_lifetime_s", NUMBER, AT(session_lifetime_s), "86400", 1,
		4000000000, true, "Seconds that a companion session lives." },
	{ "subscriptions", "confirmation", TEXT, AT(confirmation), "required", 0, 0, false,
		"Whether companion DH's steps 9 to 12 are required or optional." },
	{ "subscriptions", "confirmation_s", NUMBER, AT(confirmation_s), "900", 1, 604800, true,
		"Seconds within which an Access ID is confirmed." },
	{ "subscriptions", "ibs_suite", TEXT, AT(ibs_suite), "ecdsa-p256-sha256", 0, 0, false,
		"How SigCN is signed: eccsi-p256-sha256 or ecdsa-p256-sha256." },
	{ "subscriptions", "rekey_overlap_s", NUMBER, AT(rekey_overlap_s), "604800", 0, 4000000000,
		true,
		"Seconds that the old version serves after a re-key, unless the new one is "
		"installed before." },

	{ "attach", "dnn", TEXT, AT(attach_dnn), "provisioning", 0, 0, true,
		"Data network name of the restricted session." },
	{ "attach", "allowed_destinations", TEXT, AT(allowed_destinations), "127.0.0.1:8480", 0, 0,
		true, "What that session may reach, host:port each, separated by blanks." },
	{ "attach", "provisioning_server", TEXT, AT(provisioning_server), "https://127.0.0.1:8480",
		0, 0, true, "URI of the provisioning server that the device is told." },
	{ "attach", "attach_s", NUMBER, AT(attach_s), "120", 1, 86400, true,
		"Seconds within which an offered attach is answered." },
	{ "attach", "pdu_session_s", NUMBER, AT(pdu_session_s), "600", 1, 604800, true,
		"Seconds that the restricted session lives." },
	{ "attach", "download_s", NUMBER, AT(download_s), "600", 1, 604800, true,
		"Seconds within which a profile download comes to its end." },

	{ "audit", "trail", TEXT, AT(audit), "on", 0, 0, false, "on or off." },
	{ "audit", "root_file", TEXT, AT(audit_root_file), "", 0, 0, false,
		"File that the last signed root is written to; best where this server's database "
		"administrators cannot write. Empty: none." },

	{ "trust", "stale_crl", TEXT, AT(stale_crl), "closed", 0, 0, false,
		"What becomes of certificates whose issuer's CRL is past its nextUpdate: closed "
		"(refused) or open." },

	{ "devices", "certificate_hosts", TEXT, AT(certificate_hosts), "", 0, 0, true,
		"Origins that a device's certificate URL may have (https://host, "
		"https://host:port, or :* for every port; http:// where listed so), separated by "
		"blanks." },
	{ "devices", "certificate_networks", TEXT, AT(certificate_networks), "", 0, 0, true,
		"Private, loopback or link-local blocks (10.1.0.0/16, fd00::/8) that the names of "
		"certificate_hosts may resolve to all the same, separated by blanks." },
	{ "devices", "certificate_ca_file", TEXT, AT(certificate_ca_file), "", 0, 0, false,
		"CAs (PEM) that certificate_hosts are trusted by. Empty: the system's." },
	{ "devices", "network_name", TEXT, AT(network_name), "openarpf", 0, 0, false,
		"The network's name in profiles." },
	{ "devices", "profile_lifetime_s", NUMBER, AT(profile_lifetime_s), "315360000", 1,
		4000000000, true, "Seconds after its issue that a profile and its key end." },
};

#define TABLE_LEN (sizeof(table) / sizeof(table[0]))

struct reading {
	struct settings *s;
	bool seen[TABLE_LEN];
	char *error;
	size_t error_size;
};

static char **text_at(struct settings *s, const struct setting *row)
{
	return (char **)(void *)((char *)s + row->at);
}

static uint32_t *number_at(struct settings *s, const struct setting *row)
{
	return (uint32_t *)(void *)((char *)s + row->at);
}

static bool set_number(struct settings *s, const struct setting *row, const char *value)
{
	char *end;

	errno = 0;
	unsigned long long v = strtoull(value, &end, 10);

	if (errno != 0 || end == value || *end != '\0' || value[0] == '-' || v < row->least ||
		v > row->most)
		return false;
	*number_at(s, row) = (uint32_t)v;
	return true;
}

static bool set(struct settings *s, const struct setting *row, const char *value)
{
	if (row->kind == NUMBER)
		return set_number(s, row, value);
	char *copy = strdup(value);

	if (copy == NULL)
		return false;
	free(*text_at(s, row));
	*text_at(s, row) = copy;
	return true;
}

static int on_line(void *context, const char *section, const char *name, const char *value)
{
	struct reading *r = context;

	for (size_t i = 0; i < TABLE_LEN; i++) {
		const struct setting *row = &table[i];

		if (strcmp(section, row->section) != 0 || strcmp(name, row->name) != 0)
			continue;
		if (r->seen[i]) {
			snprintf(r->error, r->error_size, "[%s] %s is set twice", section, name);
			return 0;
		}
		r->seen[i] = true;
		if (set(r->s, row, value))
			return 1;
		snprintf(r->error, r->error_size,
			"[%s] %s: '%s' is not a whole number from %u to %u", section, name, value,
			row->least, row->most);
		return 0;
	}
	snprintf(r->error, r->error_size, "[%s] %s is no setting", section, name);
	return 0;
}

static bool read_plmns(struct settings *s, char *error, size_t error_size)
{
	const char *at = s->discovery_plmns;

	if (!plmn_read(s->home_plmn, strlen(s->home_plmn), &s->home)) {
		snprintf(error, error_size, "[network] home_plmn: not 5 or 6 digits");
		return false;
	}
	for (at += strspn(at, " "); *at != '\0'; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");

		if (s->discovery_count == SETTINGS_MAX_PLMNS ||
			!plmn_read(at, len, &s->discovery[s->discovery_count])) {
			snprintf(error, error_size,
				"[network] discovery_plmns: at most %d PLMNs of 5 or 6 digits",
				SETTINGS_MAX_PLMNS);
			return false;
		}
		s->discovery_count++;
		at += len;
	}
	return true;
}

/* Whether the text is the first of the two; refused where it is neither. */
static bool read_choice(const char *name, const char *text, const char *yes, const char *no,
	bool *chosen, char *error, size_t error_size)
{
	*chosen = strcmp(text, yes) == 0;
	if (*chosen || strcmp(text, no) == 0)
		return true;
	snprintf(error, error_size, "%s: '%s' is neither %s nor %s", name, text, yes, no);
	return false;
}

static bool read_subscriptions(struct settings *s, char *error, size_t error_size)
{
	if (!hex_read(s->ua_protocol, strlen(s->ua_protocol), s->ua_protocol_id,
		    sizeof(s->ua_protocol_id))) {
		snprintf(error, error_size, "[server] ua_protocol: not 10 hex digits");
		return false;
	}
	return read_choice("[subscriptions] confirmation", s->confirmation, "required", "optional",
		       &s->confirmation_required, error, error_size) &&
	       read_choice("[subscriptions] ibs_suite", s->ibs_suite, "eccsi-p256-sha256",
		       "ecdsa-p256-sha256", &s->ibs_is_eccsi, error, error_size) &&
	       read_choice("[audit] trail", s->audit, "on", "off", &s->audit_is_on, error,
		       error_size) &&
	       read_choice("[trust] stale_crl", s->stale_crl, "open", "closed",
		       &s->stale_crl_is_open, error, error_size);
}

/* Unread, such an entry would let nobody in, and nobody would know why. */
static bool check_networks(const struct settings *s, char *error, size_t error_size)
{
	const char *list = s->certificate_networks;
	struct bytes entry;
	struct cidr block;

	while (cidr_next(&list, &entry))
		if (!cidr_read(entry, &block)) {
			snprintf(error, error_size,
				"[devices] certificate_networks: '%.*s' is no block like "
				"10.1.0.0/16 or fd00::/8",
				(int)entry.len, (const char *)entry.at);
			return false;
		}
	return true;
}

static bool check_length(
	const char *name, const char *text, size_t most, char *error, size_t error_size)
{
	if (text[0] != '\0' && strlen(text) <= most)
		return true;
	snprintf(error, error_size, "%s: not 1 to %zu bytes", name, most);
	return false;
}

/* What goes into messages and profiles must have room there. */
static bool check_lengths(const struct settings *s, char *error, size_t error_size)
{
	return check_length("[attach] dnn", s->attach_dnn, SETTINGS_DNN_MAX, error, error_size) &&
	       check_length("[attach] provisioning_server", s->provisioning_server,
		       SETTINGS_SERVER_MAX, error, error_size) &&
	       check_length("[devices] network_name", s->network_name, SETTINGS_NETWORK_NAME_MAX,
		       error, error_size);
}

bool settings_read(const char *path, struct settings *s, char *error, size_t error_size)
{
	struct reading r = { .s = s, .error = error, .error_size = error_size };

	memset(s, 0, sizeof(*s));
	error[0] = '\0';
	for (size_t i = 0; i < TABLE_LEN; i++)
		if (!set(s, &table[i], table[i].fallback)) {
			snprintf(error, error_size, "no memory");
			goto failed;
		}
	if (path != NULL) {
		int line = ini_parse(path, on_line, &r);

		if (line != 0) {
			char why[256];

			snprintf(why, sizeof(why), "%s",
				error[0] != '\0' ? error
				: line < 0       ? strerror(errno)
						 : "not an INI line");
			snprintf(error, error_size, "%s:%d: %s", path, line > 0 ? line : 0, why);
			goto failed;
		}
	}
	if (read_plmns(s, error, error_size) && read_subscriptions(s, error, error_size) &&
		check_networks(s, error, error_size) && check_lengths(s, error, error_size))
		return true;
failed:
	settings_free(s);
	return false;
}

void settings_free(struct settings *s)
{
	for (size_t i = 0; i < TABLE_LEN; i++)
		if (table[i].kind == TEXT)
			free(*text_at(s, &table[i]));
	memset(s, 0, sizeof(*s));
}

static bool same(struct settings *a, struct settings *b, const struct setting *row)
{
	return row->kind == TEXT ? strcmp(*text_at(a, row), *text_at(b, row)) == 0
				 : *number_at(a, row) == *number_at(b, row);
}

void settings_reload(struct settings *s, struct settings *fresh, char *kept, size_t kept_size)
{
	size_t len = 0;

	kept[0] = '\0';
	for (size_t i = 0; i < TABLE_LEN; i++) {
		const struct setting *row = &table[i];

		if (same(s, fresh, row))
			continue;
		if (!row->reloadable) {
			int n = snprintf(kept + len, kept_size - len, "%s%s.%s", len > 0 ? "," : "",
				row->section, row->name);

			len += n > 0 && (size_t)n < kept_size - len ? (size_t)n : 0;
		} else if (row->kind == TEXT) {
			char *old = *text_at(s, row);

			*text_at(s, row) = *text_at(fresh, row);
			*text_at(fresh, row) = old;
		} else {
			*number_at(s, row) = *number_at(fresh, row);
		}
	}
}

void settings_print_sample(FILE *out)
{
	const char *section = "";

	fprintf(out,
		"# openarpf. Every setting with its default; (r) may be changed by a reload.\n");
	for (size_t i = 0; i < TABLE_LEN; i++) {
		const struct setting *row = &table[i];

		if (strcmp(section, row->section) != 0)
			fprintf(out, "\n[%s]\n", row->section);
		section = row->section;
		fprintf(out, "; %s%s", row->help, row->reloadable ? " (r)" : "");
		if (row->kind == NUMBER)
			fprintf(out, " %u to %u.", row->least, row->most);
		fprintf(out, "\n;%s = %s\n", row->name, row->fallback);
	}
}

bool settings_is_discovery_imsi(const struct settings *s, uint64_t imsi)
{
	for (unsigned i = 0; i < s->discovery_count; i++)
		if (plmn_has_imsi(s->discovery[i], imsi))
			return true;
	return false;
}
