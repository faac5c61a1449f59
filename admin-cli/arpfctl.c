#include <curl/curl.h>

#include "admin-cli/cli.h"
#include "admin-cli/commands.h"
#include "admin-cli/remote.h"
#include "base/log.h"

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
	{ "trust", "list", {}, {}, "the trust anchors", command_trust_list },
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
	{ "revoke", "list", {}, {}, "what has been revoked", command_revoke_list },
	{ "imsi-pool", "add", {},
		{ { "plmn", "PLMN", true, "MCC and MNC" },
			{ "first", "MSIN", true, "the first of the range" },
			{ "last", "MSIN", true, "the last of the range" } },
		"a range that IMSIs are given out from", command_imsi_pool_add },
	{ "imsi-pool", "list", {}, {}, "the pools, with what is leased, used, in quarantine",
		command_imsi_pool_list },
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
	{ "binding", "list", {}, {}, "all bindings and their states", command_binding_list },
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
