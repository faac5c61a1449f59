/*
 * What an operator asks of the server, under /admin/v1 (docs/openapi.yaml): its status, whom it
 * trusts, what has been revoked, the IMSI pools, who is bound to whom, and the certificates of its
 * own keys. Ordinary procedures; a change of trust or keys is answered when this reactor has read it.
 */
#ifndef PROCEDURES_ADMINISTRATION_H
#define PROCEDURES_ADMINISTRATION_H

#include "procedures/procedure.h"

extern const struct procedure admin_status;

extern const struct procedure admin_list_trust_anchors;
extern const struct procedure admin_add_trust_anchor;
extern const struct procedure admin_remove_trust_anchor;

extern const struct procedure admin_list_revocations;
extern const struct procedure admin_add_revocations;

extern const struct procedure admin_list_imsi_pools;
extern const struct procedure admin_add_imsi_pool;

extern const struct procedure admin_list_bindings;
extern const struct procedure admin_show_binding;

extern const struct procedure admin_list_keys;
extern const struct procedure admin_put_keys;

extern const struct procedure admin_list_subscriptions;
extern const struct procedure admin_show_subscription;
extern const struct procedure admin_change_subscription;
extern const struct procedure admin_delete_subscription;
extern const struct procedure admin_list_overdue;

extern const struct procedure admin_put_job;
extern const struct procedure admin_add_job_items;
extern const struct procedure admin_start_job;
extern const struct procedure admin_cancel_job;
extern const struct procedure admin_show_job;
extern const struct procedure admin_list_jobs;
extern const struct procedure admin_list_job_refusals;

extern const struct procedure admin_add_crl;
extern const struct procedure admin_remove_crl;
extern const struct procedure admin_list_crls;

extern const struct procedure admin_list_audit_events;
extern const struct procedure admin_list_audit_trees;

#endif
