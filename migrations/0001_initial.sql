-- Times are unix seconds and IMSIs the numbers their 15 digits spell, unless a column says
-- otherwise.
--
-- bindings, credentials, dausf_pairs, outbox, endorsements and imsi_quarantine grow with the
-- devices: every unique constraint of theirs carries the column they may be distributed by, and
-- they use no foreign key and no sequence. The others stay small.

-- dIMSI, IMSI, SE (protocol section 4). One row a dIMSI; a released one is written over by the
-- next binding. Rows are updated a few times in their lives, in no indexed column: the room left
-- in each page keeps the new versions beside the old ones.
CREATE TABLE bindings (
	dimsi bigint NOT NULL PRIMARY KEY,
	imsi bigint NOT NULL,
	endorsed_at bigint NOT NULL,
	created_at bigint NOT NULL,
	changed_at bigint NOT NULL,
	state smallint NOT NULL,      -- enum binding_state
	se_id text NOT NULL,
	token_hash bytea NOT NULL,    -- SHA-256 of the token
	output_1 bytea NOT NULL,      -- empty once released
	output_2 bytea NOT NULL
) WITH (fillfactor = 85);

-- The keys of subscriptions, sealed under the key-encryption key (protocol section 11). That no
-- IMSI has two owners is this table's primary key.
-- state: 0 pre-active, 1 active, 2 suspended, 3 retired, 4 revoked, 5 destroyed.
CREATE TABLE credentials (
	imsi bigint NOT NULL,
	dimsi bigint NOT NULL,
	created_at bigint NOT NULL,
	changed_at bigint NOT NULL,
	version smallint NOT NULL,
	state smallint NOT NULL,
	sealed bytea NOT NULL,        -- empty once destroyed
	PRIMARY KEY (imsi, version)
) WITH (fillfactor = 90);

-- What other servers have handed over to this D-AUSF.
CREATE TABLE dausf_pairs (
	dimsi bigint NOT NULL PRIMARY KEY,
	imsi bigint NOT NULL,
	received_at bigint NOT NULL,
	output_1 bytea NOT NULL,
	output_2 bytea NOT NULL
);

-- What is owed to remote D-AUSFs. Rows of one dIMSI are delivered in the order of their numbers.
CREATE TABLE outbox (
	dimsi bigint NOT NULL,
	number bigint NOT NULL,
	imsi bigint NOT NULL,
	due_at bigint NOT NULL,       -- unix milliseconds
	tries integer NOT NULL,
	kind smallint NOT NULL,       -- enum outbox_kind
	output_1 bytea NOT NULL,
	output_2 bytea NOT NULL,
	uri text NOT NULL,
	PRIMARY KEY (dimsi, number)
);
CREATE INDEX outbox_due ON outbox (due_at);

-- Tokens this server has vouched for as a third-party ARPF (protocol section 4.3).
CREATE TABLE endorsements (
	token_hash bytea NOT NULL PRIMARY KEY,
	dimsi bigint NOT NULL,
	issued_at bigint NOT NULL,
	se_id text NOT NULL
);

CREATE TABLE trust_anchors (
	fingerprint bytea NOT NULL,
	use smallint NOT NULL,        -- enum trust_use
	added_at bigint NOT NULL,
	number bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
	der bytea NOT NULL,
	PRIMARY KEY (fingerprint, use)
);

CREATE TABLE revocations (
	issuer_hash bytea NOT NULL,   -- SHA-256 of the issuer's Name
	serial bytea NOT NULL,
	revoked_at bigint NOT NULL,
	number bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
	PRIMARY KEY (issuer_hash, serial)
);

-- The server's own certified keys; their private halves are in the HSM.
CREATE TABLE arpf_keys (
	key_id bytea NOT NULL PRIMARY KEY,
	use smallint NOT NULL,        -- enum key_use
	generation integer NOT NULL,
	created_at bigint NOT NULL,
	number bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
	retired boolean NOT NULL DEFAULT false,
	label text NOT NULL,
	certificate bytea NOT NULL,
	chain bytea NOT NULL
);

-- Ranges of IMSIs; from `next` on none has ever been leased. It may pass `last`, by less than a
-- block.
CREATE TABLE imsi_pools (
	first bigint NOT NULL PRIMARY KEY,
	last bigint NOT NULL,
	next bigint NOT NULL,
	plmn integer NOT NULL,
	plmn_digits smallint NOT NULL,
	CHECK (first <= last AND next >= first),
	EXCLUDE USING gist (int8range(first, last, '[]') WITH &&)
);

-- Blocks that servers give IMSIs out from. Leases never overlap.
CREATE TABLE imsi_leases (
	first bigint NOT NULL PRIMARY KEY,
	last bigint NOT NULL,
	owner bytea NOT NULL,         -- one reactor's life
	expires_at timestamptz NOT NULL,
	CHECK (first <= last)
);
CREATE INDEX imsi_leases_owner ON imsi_leases (owner);

-- Released IMSIs, and until when they rest.
CREATE TABLE imsi_quarantine (
	imsi bigint NOT NULL PRIMARY KEY,
	until bigint NOT NULL
);
CREATE INDEX imsi_quarantine_until ON imsi_quarantine (until);

-- Servers read these tables whole and again at each notice.
CREATE FUNCTION arpf_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify(TG_ARGV[0], '');
	RETURN NULL;
END $$;
CREATE TRIGGER notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON trust_anchors
	FOR EACH STATEMENT EXECUTE FUNCTION arpf_notify('arpf_trust');
CREATE TRIGGER notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON revocations
	FOR EACH STATEMENT EXECUTE FUNCTION arpf_notify('arpf_trust');
CREATE TRIGGER notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON arpf_keys
	FOR EACH STATEMENT EXECUTE FUNCTION arpf_notify('arpf_keys');
