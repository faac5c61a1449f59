-- Subscriptions of every procedure, companion sessions and the devices they bring (protocol
-- sections 5 to 8). What 0001 says of distribution holds for credentials, companion_sessions,
-- access_ids and headless_devices as well.

-- What section 5 serves. sqn is SQN_HE (TS 33.102 Annex C), the last that was given out.
ALTER TABLE credentials
	ADD COLUMN sqn bigint NOT NULL DEFAULT 0,
	ADD COLUMN not_after bigint NOT NULL DEFAULT 0,   -- 0: no end
	ADD COLUMN retire_at bigint NOT NULL DEFAULT 0,   -- 0: not set
	ADD COLUMN authenticated_at bigint NOT NULL DEFAULT 0, -- last success
	ADD COLUMN refused_at bigint NOT NULL DEFAULT 0,  -- last failure
	ADD COLUMN owner bigint NOT NULL DEFAULT 0,       -- IMSI of the companion's subscription
	ADD COLUMN kind smallint NOT NULL DEFAULT 0;      -- enum credential_kind

-- Companion sessions (section 6), one a subscriber. Expired ones stay a while, without their key.
CREATE TABLE companion_sessions (
	imsi bigint NOT NULL PRIMARY KEY,
	created_at bigint NOT NULL,
	expires_at bigint NOT NULL,
	akid text NOT NULL,
	kept bytea NOT NULL           -- K, empty once expired
);
CREATE INDEX companion_sessions_akid ON companion_sessions (akid);
-- What a sweep has still to empty, and what it will remove.
CREATE INDEX companion_sessions_kept ON companion_sessions (expires_at) WHERE kept <> '';
CREATE INDEX companion_sessions_over ON companion_sessions (expires_at) WHERE kept = '';

-- Access IDs (sections 7 and 8). kdm and sealed are empty when they are no longer needed; sealed
-- moves to credentials when the subscription is made.
CREATE TABLE access_ids (
	access_id bytea NOT NULL PRIMARY KEY,
	imsi bigint NOT NULL,         -- 0: unconfirmed
	owner bigint NOT NULL,
	created_at bigint NOT NULL,
	expires_at bigint NOT NULL,   -- of the confirmation
	state smallint NOT NULL,      -- enum access_state
	tries smallint NOT NULL,      -- wrong MAC2
	kind smallint NOT NULL,       -- enum credential_kind
	device_id text NOT NULL,
	b bytea NOT NULL,             -- the server's element, for the same request again
	kdm bytea NOT NULL,
	sealed bytea NOT NULL
) WITH (fillfactor = 85);
CREATE INDEX access_ids_imsi ON access_ids (imsi) WHERE imsi <> 0;
-- What a sweep has still to empty, and what it will remove.
CREATE INDEX access_ids_kept ON access_ids (expires_at) WHERE state = 0 OR kdm <> '';
CREATE INDEX access_ids_over ON access_ids (expires_at) WHERE state = 3;

-- Devices with a certificate (section 8), by the hash of manufacturer and device ID.
CREATE TABLE headless_devices (
	device_hash bytea NOT NULL PRIMARY KEY,
	imsi bigint NOT NULL,
	owner bigint NOT NULL,
	owner_version integer NOT NULL, -- which K_C
	issued_at bigint NOT NULL,
	not_after bigint NOT NULL,
	access_id bytea NOT NULL,
	spki_hash bytea NOT NULL,
	n1 bytea NOT NULL,
	n2 bytea NOT NULL,
	device_id text NOT NULL,
	manufacturer text NOT NULL,
	model text NOT NULL
);

-- ECCSI (RFC 6507): at most one KMS of our own, and the identities this server signs by. Secrets are
-- wrapped by the KEK.
CREATE TABLE ibs_kms (
	kpak bytea NOT NULL PRIMARY KEY,
	created_at bigint NOT NULL,
	kek_generation integer NOT NULL,
	wrapped_ksak bytea NOT NULL
);
CREATE TABLE ibs_identities (
	id text NOT NULL PRIMARY KEY,
	number bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
	created_at bigint NOT NULL,
	not_before bigint NOT NULL,
	not_after bigint NOT NULL,
	kek_generation integer NOT NULL,
	kpak bytea NOT NULL,
	pvt bytea NOT NULL,
	wrapped_ssk bytea NOT NULL
);
CREATE TRIGGER notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ibs_identities
	FOR EACH STATEMENT EXECUTE FUNCTION arpf_notify('arpf_keys');

-- How far the import of a file has come: every line up to this one is committed.
CREATE TABLE subscriber_imports (
	file_hash bytea NOT NULL PRIMARY KEY, -- of its first bytes and its size
	line bigint NOT NULL,
	byte_offset bigint NOT NULL,
	added bigint NOT NULL,
	refused bigint NOT NULL,
	began_at bigint NOT NULL,
	changed_at bigint NOT NULL,
	is_done boolean NOT NULL
);
