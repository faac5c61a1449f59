/* The functions of the table of commands (arpfctl.c), a file a noun. */
#ifndef ADMIN_CLI_COMMANDS_H
#define ADMIN_CLI_COMMANDS_H

#include "admin-cli/cli.h"

enum cli_end command_status(struct cli *cli);
enum cli_end command_migrate(struct cli *cli);
enum cli_end command_config_sample(struct cli *cli);

enum cli_end command_hsm_probe(struct cli *cli);
enum cli_end command_keys_init(struct cli *cli);
enum cli_end command_keys_list(struct cli *cli);
enum cli_end command_keys_rotate(struct cli *cli);
enum cli_end command_keys_retire(struct cli *cli);

enum cli_end command_ibs_kms_init(struct cli *cli);
enum cli_end command_ibs_issue(struct cli *cli);
enum cli_end command_ibs_renew(struct cli *cli);
enum cli_end command_ibs_show(struct cli *cli);

enum cli_end command_trust_add(struct cli *cli);
enum cli_end command_trust_list(struct cli *cli);
enum cli_end command_trust_remove(struct cli *cli);

enum cli_end command_revoke_certificate(struct cli *cli);
enum cli_end command_revoke_crl(struct cli *cli);
enum cli_end command_revoke_crls(struct cli *cli);
enum cli_end command_revoke_remove_crl(struct cli *cli);
enum cli_end command_revoke_list(struct cli *cli);

enum cli_end command_imsi_pool_add(struct cli *cli);
enum cli_end command_imsi_pool_list(struct cli *cli);

enum cli_end command_subscriber_add(struct cli *cli);
enum cli_end command_subscriber_import(struct cli *cli);

enum cli_end command_binding_show(struct cli *cli);
enum cli_end command_binding_list(struct cli *cli);

enum cli_end command_audit_list(struct cli *cli);
enum cli_end command_audit_verify(struct cli *cli);

enum cli_end command_subscription_list(struct cli *cli);
enum cli_end command_subscription_show(struct cli *cli);
/* suspend, resume, revoke, rekey, delete: by the verb */
enum cli_end command_subscription_change(struct cli *cli);
enum cli_end command_credential_list(struct cli *cli);
enum cli_end command_credential_overdue(struct cli *cli);

enum cli_end command_job_list(struct cli *cli);
enum cli_end command_job_show(struct cli *cli);
enum cli_end command_job_cancel(struct cli *cli);

enum cli_end command_completion_bash(struct cli *cli);
enum cli_end command_manual(struct cli *cli);

#endif
