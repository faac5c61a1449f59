#include "procedures/audit_rows.h"

enum outcome audit_tree_from_row(const struct db_audit_tree *row, struct audit_tree *out)
{
	*out = (struct audit_tree){
		.number = (uint64_t)row->number,
		.from_xid = (uint64_t)row->from_xid,
		.to_xid = (uint64_t)row->to_xid,
		.count = (uint64_t)row->count,
		.sealed_at = (uint64_t)row->sealed_at,
		.tree_size = (uint64_t)row->tree_size,
		.leaf_index = (uint64_t)row->leaf_index,
		.path_count = row->path.len / MERKLE_HASH_LEN,
	};
	memcpy(out->root, row->root, sizeof(out->root));
	memcpy(out->chain, row->chain, sizeof(out->chain));
	memcpy(out->signer_id, row->signer_id, sizeof(out->signer_id));
	memcpy(out->signature, row->signature, sizeof(out->signature));
	if (row->path.len % MERKLE_HASH_LEN != 0 || row->path.len > sizeof(out->path))
		return BROKEN;
	memcpy(out->path, row->path.at, row->path.len);
	return FINE;
}

struct db_audit_tree audit_tree_to_row(const struct audit_tree *t)
{
	struct db_audit_tree row = {
		.number = (int64_t)t->number,
		.from_xid = (int64_t)t->from_xid,
		.to_xid = (int64_t)t->to_xid,
		.count = (int64_t)t->count,
		.sealed_at = (int64_t)t->sealed_at,
		.tree_size = (int64_t)t->tree_size,
		.leaf_index = (int64_t)t->leaf_index,
		.path = bytes_of(t->path, t->path_count * MERKLE_HASH_LEN),
	};

	memcpy(row.root, t->root, sizeof(row.root));
	memcpy(row.chain, t->chain, sizeof(row.chain));
	memcpy(row.signer_id, t->signer_id, sizeof(row.signer_id));
	memcpy(row.signature, t->signature, sizeof(row.signature));
	return row;
}

struct audit_event audit_event_from_row(const struct db_event *row)
{
	return (struct audit_event){
		.xid = (uint64_t)row->xid,
		.number = (uint64_t)row->number,
		.at_ms = (uint64_t)row->at_ms,
		.action = (uint32_t)row->action,
		.outcome = (uint32_t)row->outcome,
		.subject = (uint64_t)row->subject,
		.related = (uint64_t)row->related,
		.actor = bytes_of_text(row->actor),
		.detail = bytes_of_text(row->detail),
	};
}
