#include <curl/curl.h>

#include "admin-cli/cli.h"
#include "admin-cli/commands.h"
#include "admin-cli/remote.h"
#include "base/log.h"

/* Of what is done to one subscription, or to many of them as a job. */
#define OF_MANY                                                                               \
	{ "file", "FILE", false, "those of a file, a SUPI a line; -: of standard input" },    \
		{ "select", "CONDITIONS", false, "those that fit: " CONDITIONS },             \
		{ "skip-bad", NULL, false, "leaves out lines of the file that are no SUPI" }, \
		{ "restart", NULL, false, "does a file again that was done before" },         \
		{ "job", "ID", false, "the job's id, 32 hex digits; goes on with it" },       \
	{                                                                                     \
		"no-wait", NULL, false, "returns when the job has begun"                      \
	}
#define CONDITIONS                                                                \
	"kind=, state=, owner=, first=, last=, created-before=, created-since=, " \
	"expires-before=, with blanks between"

/* Of lists. */
#define A_TIME "2026-01-02T03:04:05Z, or unix seconds"
#define AT_MOST                                        \
	{                                              \
		"limit", "N", false, "so many at most" \
	}
#define OF_ISSUER                                                                       \
	{                                                                               \
		"issuer-hash", "SHA-256", false, "of this issuer, as the list shows it" \
	}

const struct cli_command cli_commands[] = {
	{ "status", NULL, {}, {}, "server, lanes, HSM, database, pool levels", command_status },
	{ "migrate", NULL, {}, {}, "brings the database's schema up to date", command_migrate },
	{ "config", "sample", {}, {}, "a configuration file with every setting",
		command_config_sample },
	{ "hsm", "probe", {}, {},
		"what the PKCS#11 module can do, what the server would use, and its speed",
		command_hsm_probe },
	{ "keys", "init", {},
		{ { "certify-anew", NULL, false,
			"stores fresh certificates also where good ones are stored" } },
		"makes the long-term keys that the HSM lacks, and has them certified",
		command_keys_init },
	{ "keys", "list", {}, {}, "the long-term keys, in the HSM and in the database",
		command_keys_list },
	{ "keys", "rotate", { "LABEL" }, {},
		"a new generation of a key (arpf.ecka, arpf.sign, …); the old one stays accepted",
		command_keys_rotate },
	{ "keys", "retire", { "KEY-ID" }, {},
		"an old generation is no longer accepted; the newest cannot be retired",
		command_keys_retire },
	{ "ibs", "kms-init", {}, { { "if-missing", NULL, false, "content where there is one" } },
		"ECCSI: a key management service for those without one; its secret stays wrapped "
		"by the HSM",
		command_ibs_kms_init },
	{ "ibs", "issue", {},
		{ { "id", "ID", true,
			"a name, for this month; or with its year, month or day before it: "
			"\"2011-02 NAME\"" } },
		"an identity that servers sign by, valid for the period it begins with",
		command_ibs_issue },
	{ "ibs", "renew", {},
		{ { "within", "DAYS", false, "which end within so many days (else 7)" } },
		"the next period of every identity that ends soon; for a timer",
		command_ibs_renew },
	{ "ibs", "show", {}, {}, "the KMS, the identities, and which of them is in use",
		command_ibs_show },
	{ "trust", "add", { "FILE" },
		{ { "use", "se|device|euicc|arpf", true, "what the anchor vouches for" } },
		"trust anchors: every certificate of a file, PEM or DER", command_trust_add },
	{ "trust", "list", {},
		{ { "use", "se|device|euicc|arpf", false, "those that vouch for this" } },
		"the trust anchors", command_trust_list },
	{ "trust", "remove", { "FINGERPRINT" }, {},
		"an anchor, in all of its uses; devices under it are refused from then on",
		command_trust_remove },
	{ "revoke", "certificate", {},
		{ { "issuer", "FILE", true, "the certificate of who issued it, PEM or DER" },
			{ "serial", "HEX", true, "its serial number" } },
		"a certificate is no longer accepted, nor what it issued",
		command_revoke_certificate },
	{ "revoke", "crl", { "FILE" },
		{ { "issuer", "FILE", false,
			"certificates one of which signed it (else: the trust anchors)" } },
		"every certificate that a CRL lists, PEM or DER", command_revoke_crl },
	{ "revoke", "crls", {},
		{ OF_ISSUER, { "next-update-before", "TIME", false,
				     "those that are good until then at most" } },
		"the CRLs that were given, and until when they are good", command_revoke_crls },
	{ "revoke", "remove-crl", { "NUMBER" }, {},
		"a CRL that its issuer no longer makes; what it listed stays revoked",
		command_revoke_remove_crl },
	{ "revoke", "list", {},
		{ OF_ISSUER, { "serial", "HEX", false, "that serial number" },
			{ "revoked-since", "TIME", false, A_TIME },
			{ "revoked-before", "TIME", false, A_TIME }, AT_MOST },
		"what has been revoked", command_revoke_list },
	{ "imsi-pool", "add", {},
		{ { "plmn", "PLMN", true, "MCC and MNC" },
			{ "first", "MSIN", true, "the first of the range" },
			{ "last", "MSIN", true, "the last of the range" } },
		"a range that IMSIs are given out from", command_imsi_pool_add },
	{ "imsi-pool", "list", {}, { { "plmn", "PLMN", false, "those of this MCC and MNC" } },
		"the pools, with what is leased, used, in quarantine", command_imsi_pool_list },
	{ "subscriber", "add", {},
		{ { "supi", "SUPI", true, "imsi- and 15 digits" },
			{ "k-file", "FILE", true, "K: 32 or 64 hex digits" },
			{ "opc-file", "FILE", false, "OPc: 32 hex digits" },
			{ "op-file", "FILE", false, "OP in its place" } },
		"a subscriber with an existing K", command_subscriber_add },
	{ "subscriber", "import", { "FILE.csv" },
		{ { "transport-key", "LABEL", false,
			  "K is wrapped (RFC 3394) under this key of the HSM" },
			{ "restart", NULL, false, "begins anew where it was begun before" } },
		"subscribers from a file: supi,k,opc or supi,k,op, in hex; goes on where it was "
		"interrupted",
		command_subscriber_import },
	{ "binding", "show", { "DIMSI|ACCESS-ID|SUPI" }, {}, "who is bound to whom",
		command_binding_show },
	{ "binding", "list", {},
		{ { "state", "STATE", false,
			  "READY, VECTORS_SENT, ATTACHED, PROVISIONED, RELEASED or REVOKED" },
			{ "se-id", "SE", false, "of this secure element" },
			{ "first", "DIMSI", false, "from this dIMSI on" },
			{ "last", "DIMSI", false, "up to this dIMSI" },
			{ "first-supi", "SUPI", false, "whose SUPI is this or a greater one" },
			{ "last-supi", "SUPI", false, "whose SUPI is this or a smaller one" },
			{ "plmn", "PLMN", false, "whose SUPI has this MCC and MNC" },
			{ "created-since", "TIME", false, A_TIME },
			{ "created-before", "TIME", false, A_TIME },
			{ "changed-since", "TIME", false, A_TIME },
			{ "changed-before", "TIME", false, A_TIME }, AT_MOST },
		"the bindings and their states, by dIMSI", command_binding_list },
	{ "subscription", "list", {},
		{ { "select", "CONDITIONS", false, "those that fit: " CONDITIONS } },
		"the subscriptions, and the state of each", command_subscription_list },
	{ "subscription", "show", { "SUPI" }, {}, "a subscription, with all versions of its key",
		command_subscription_show },
	{ "subscription", "suspend", { "[SUPI]" }, { OF_MANY }, "is refused until it is resumed",
		command_subscription_change },
	{ "subscription", "resume", { "[SUPI]" }, { OF_MANY }, "serves again",
		command_subscription_change },
	{ "subscription", "revoke", { "[SUPI]" }, { OF_MANY }, "is refused for good",
		command_subscription_change },
	{ "subscription", "rekey", { "[SUPI]" },
		{ OF_MANY,
			{ "overlap", "SECONDS", false,
				"how long the old key still serves (else the server's setting)" } },
		"a new version of its key, which its device gets by its next download",
		command_subscription_change },
	{ "subscription", "delete", { "[SUPI]" }, { OF_MANY },
		"its keys are destroyed, the record stays, its IMSI rests",
		command_subscription_change },
	{ "credential", "list", {}, { { "supi", "SUPI", true, "whose" } },
		"the versions of a subscription's key, and their states", command_credential_list },
	{ "credential", "overdue", {},
		{ { "kind", "KIND", false, "EK, IMPORTED, COMPANION, HEADLESS or PROFILE" },
			{ "owner", "SUPI", false, "of this companion's devices" },
			{ "first", "SUPI", false, "from this SUPI on" },
			{ "last", "SUPI", false, "up to this SUPI" },
			{ "expires-since", "TIME", false, A_TIME },
			{ "expires-before", "TIME", false, A_TIME }, AT_MOST },
		"those that are past their end, and still active", command_credential_overdue },
	{ "job", "list", {},
		{ { "state", "STATE", false, "OPEN, RUNNING, DONE or CANCELLED" },
			{ "operation", "suspend|resume|revoke|rekey|delete", false,
				"those that do this" },
			{ "created-since", "TIME", false, A_TIME },
			{ "created-before", "TIME", false, A_TIME } },
		"operations on many subscriptions", command_job_list },
	{ "job", "show", { "ID" },
		{ { "refusals", NULL, false, "the subscriptions that were refused, and why" } },
		"how far one is", command_job_show },
	{ "job", "cancel", { "ID" }, {}, "does no more; what was done stays done",
		command_job_cancel },
	{ "audit", "list", {},
		{ { "since", "TIME", false, A_TIME }, { "until", "TIME", false, A_TIME },
			{ "action", "ACTION", false, "BOUND, REVOKED, …" },
			{ "outcome", "CAUSE", false, "FINE, or why it was refused: CONFLICT, …" },
			{ "actor", "ACTOR", false, "who did it" },
			{ "subject", "DIMSI|SUPI", false, "to whom" }, AT_MOST },
		"what was done and what was refused, newest first", command_audit_list },
	{ "audit", "verify", {},
		{ { "root-file", "FILE", false,
			  "the root that was kept elsewhere (else: [audit] root_file)" },
			{ "no-root-file", NULL, false, "goes without one" },
			{ "signer", "FILE", false,
				"certificates of who may have signed (else: the HSM's keys)" },
			{ "from", "TREE", false, "begins with this tree, not with the first" } },
		"whether the audit trail is what was sealed: its chain, signatures and events",
		command_audit_verify },
	{ "completion", "bash", {}, {}, "a script by which bash completes this program's commands",
		command_completion_bash },
	{ "manual", NULL, { "[NOUN]" }, {}, "this program's manual page, for man(1)",
		command_manual },
	{},
};

static enum cli_end run(struct cli *cli)
{
	char error[512];

	if (!settings_read(cli_config_path(cli), &cli->settings, error, sizeof(error)))
		return cli_refuse("CONFIGURATION", "%s", error);
	enum cli_end end = cli->command->run(cli);
	remote_end(cli);
	settings_free(&cli->settings);
	if (fflush(stdout) != 0 && end == CLI_DONE)
		end = cli_refuse("OUTPUT", "the answer could not be written");
	return end;
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };

	/* What the libraries log is for the operator of a server; here only what went wrong. */
	log_start("arpfctl", LOG_LEVEL_WARNING);
	if (argc == 1) {
		cli_print_help(stderr, cli_commands, NULL, NULL);
		return CLI_MISUSED;
	}
	enum cli_end end = cli_parse(&cli, cli_commands, argc - 1, argv + 1);
	if (end != CLI_DONE || cli.command == NULL)
		return (int)end;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return (int)cli_refuse_outcome(NO_MEMORY, NULL);
	end = run(&cli);
	curl_global_cleanup();
	return (int)end;
}
