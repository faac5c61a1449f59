-- Attaches with device credentials, downloads, the life of credentials, the audit trail (protocol sections
-- 9 to 11). What 0001 says of distribution holds for device_attaches, pdu_sessions, downloads,
-- euicc_subscriptions and job_items as well.

-- Offered attaches (section 9). Rows are swept away some time after their end.
CREATE TABLE device_attaches (
	attach_id bytea NOT NULL PRIMARY KEY,
	created_at bigint NOT NULL,
	expires_at bigint NOT NULL,   -- of the offer; once it is accepted, of the session
	state smallint NOT NULL,      -- enum attach_state
	eid text NOT NULL,
	server_nonce bytea NOT NULL,
	device_nonce bytea NOT NULL,
	ephemeral bytea NOT NULL,     -- the server's point
	scalar bytea NOT NULL,        -- its scalar, kept; empty once it is over
	request_hash bytea NOT NULL,  -- of the authentication that ended it
	session_id bytea NOT NULL
) WITH (fillfactor = 85);
-- What a sweep has still to empty, and what it will remove.
CREATE INDEX device_attaches_kept ON device_attaches (expires_at) WHERE scalar <> '';
CREATE INDEX device_attaches_over ON device_attaches (expires_at) WHERE scalar = '';

-- Restricted sessions, one a subject: a new one ends the one before.
CREATE TABLE pdu_sessions (
	subject text NOT NULL PRIMARY KEY, -- an EID, or what an AAA server names
	session_id bytea NOT NULL,
	attach_id bytea NOT NULL,          -- empty: by an AAA server
	created_at bigint NOT NULL,
	expires_at bigint NOT NULL,
	is_detached boolean NOT NULL
) WITH (fillfactor = 85);
CREATE INDEX pdu_sessions_id ON pdu_sessions (session_id);
CREATE INDEX pdu_sessions_over ON pdu_sessions (expires_at);

-- Profile downloads (section 10).
CREATE TABLE downloads (
	download_id bytea NOT NULL PRIMARY KEY,
	created_at bigint NOT NULL,
	expires_at bigint NOT NULL,
	imsi bigint NOT NULL,         -- of a SUPI, or once it is bound; 0: an EID's, not bound yet
	version smallint NOT NULL,    -- of the credential, once it is bound
	state smallint NOT NULL,      -- enum download_state
	subject text NOT NULL,
	session_id bytea NOT NULL,    -- of an EID, as it was at the offer; empty: a SUPI's
	server_nonce bytea NOT NULL,
	device_nonce bytea NOT NULL,
	ephemeral bytea NOT NULL,
	scalar bytea NOT NULL,        -- kept; empty once it has ended or is over
	kn bytea NOT NULL,            -- kept; empty until it is bound, and once it is over
	request_hash bytea NOT NULL,
	sealed_hash bytea NOT NULL,   -- of IMSI and key that it bound: a later download may replace it
	iv bytea NOT NULL,
	bound bytea NOT NULL,         -- the ciphertext; empty until it is bound, and once it has ended
	k_opc bytea NOT NULL,         -- kept: the profile's K and OPc, as long as bound is there
	issued_at bigint NOT NULL,    -- of the profile, as is not_after; 0 until it is bound
	not_after bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX downloads_kept ON downloads (expires_at) WHERE scalar <> '' OR kn <> '';
CREATE INDEX downloads_over ON downloads (expires_at) WHERE scalar = '' AND kn = '';

-- The subscription of an eUICC: an EID keeps its IMSI.
CREATE TABLE euicc_subscriptions (
	eid text NOT NULL PRIMARY KEY,
	imsi bigint NOT NULL,
	created_at bigint NOT NULL
);
CREATE INDEX euicc_subscriptions_imsi ON euicc_subscriptions (imsi);

-- Overdue credentials are found by their end; overdue_at: when a sweep has noted it.
ALTER TABLE credentials ADD COLUMN overdue_at bigint NOT NULL DEFAULT 0;
-- When a re-keyed version becomes active, the one before having served its overlap; 0: not by itself, as one
-- that a download has made, which waits for the notification and goes with it.
ALTER TABLE credentials ADD COLUMN active_at bigint NOT NULL DEFAULT 0;
CREATE INDEX credentials_not_after ON credentials (not_after, imsi) WHERE not_after <> 0 AND state = 1;
-- What a sweep has still to note, and to make active.
CREATE INDEX credentials_unnoted ON credentials (not_after)
	WHERE not_after <> 0 AND state = 1 AND overdue_at = 0;
CREATE INDEX credentials_waiting ON credentials (active_at) WHERE state = 0 AND active_at <> 0;

-- For statements that lock all versions of subscriptions: whether they have seen them all. A function sees what
-- was committed while its statement waited for the locks; where that is more, the statement is done again.
CREATE FUNCTION arpf_all_seen(imsis bigint[], seen bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF (SELECT count(*) FROM credentials WHERE imsi = ANY(imsis)) > seen THEN
		RAISE EXCEPTION 'a version was made meanwhile' USING ERRCODE = '40001';
	END IF;
	RETURN true;
END $$;
CREATE FUNCTION arpf_raise(code text, why text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '%', why USING ERRCODE = code;
END $$;

-- An operation on many subscriptions: those of job_items, or those of a selection. Worked at in the order of
-- the items' places or of IMSIs; cursor is how far it has come.
CREATE TABLE jobs (
	id bytea NOT NULL PRIMARY KEY,
	number bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
	operation smallint NOT NULL,
	state smallint NOT NULL,      -- enum job_state
	has_selection boolean NOT NULL,
	-- the selection (struct db_selection)
	first bigint NOT NULL,
	last bigint NOT NULL,
	kind integer NOT NULL,
	in_state integer NOT NULL,
	owner bigint NOT NULL,
	created_before bigint NOT NULL,
	created_since bigint NOT NULL,
	expires_before bigint NOT NULL,
	overlap_s bigint NOT NULL,
	items bigint NOT NULL,
	cursor bigint NOT NULL,
	done bigint NOT NULL,
	refused bigint NOT NULL,
	created_at bigint NOT NULL,
	changed_at bigint NOT NULL,
	worked_at bigint NOT NULL,    -- unix milliseconds
	actor text NOT NULL           -- who started it; the events of its items name him
) WITH (fillfactor = 50);
CREATE INDEX jobs_running ON jobs (worked_at) WHERE state = 1;
-- Of a file: each line. Of a selection: what was refused.
CREATE TABLE job_items (
	job bytea NOT NULL,
	place bigint NOT NULL,
	imsi bigint NOT NULL,
	outcome smallint NOT NULL,    -- enum outcome, 0 unless refused
	state smallint NOT NULL,      -- what stood against it; -1: nothing yet, or there is no such subscription
	PRIMARY KEY (job, place)
);
CREATE INDEX job_items_refused ON job_items (job, place) WHERE outcome <> 0;

-- How fresh what is known of an issuer's revocations is.
CREATE TABLE crls (
	issuer_hash bytea NOT NULL,   -- SHA-256 of the issuer's Name
	scope bytea NOT NULL,         -- SHA-256 of the issuing distribution point; empty: the CRL has none
	signer bytea NOT NULL,        -- SHA-256 of the key that signed it: those of one key are told apart by number
	number bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
	crl_number bytea NOT NULL,    -- big-endian, without leading zeros; empty: the CRL has none
	this_update bigint NOT NULL,
	next_update bigint NOT NULL,
	entries bigint NOT NULL,
	added_at bigint NOT NULL,
	PRIMARY KEY (issuer_hash, scope, signer)
);
CREATE TRIGGER notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON crls
	FOR EACH STATEMENT EXECUTE FUNCTION arpf_notify('arpf_trust');

-- The audit trail. The order of events is that of (xid, number): rows are appended, and a tree names the
-- transactions it covers, so that no row is touched twice.
CREATE TABLE audit_events (
	xid bigint NOT NULL,          -- of the transaction that made the change
	number bigint NOT NULL,       -- within it
	at_ms bigint NOT NULL,
	subject bigint NOT NULL,
	related bigint NOT NULL,
	action smallint NOT NULL,     -- enum audit_action
	outcome smallint NOT NULL,    -- enum outcome
	actor text NOT NULL CHECK (octet_length(actor) <= 128),
	detail text NOT NULL CHECK (octet_length(detail) <= 256),
	PRIMARY KEY (xid, number)
);
CREATE TABLE audit_trees (
	number bigint NOT NULL PRIMARY KEY,
	from_xid bigint NOT NULL,
	to_xid bigint NOT NULL,
	count bigint NOT NULL,
	sealed_at bigint NOT NULL,
	tree_size bigint NOT NULL,    -- of the batch signature
	leaf_index bigint NOT NULL,
	root bytea NOT NULL,
	chain bytea NOT NULL,
	signer_id bytea NOT NULL,     -- SHA-256 of the key's SubjectPublicKeyInfo
	signature bytea NOT NULL,
	path bytea NOT NULL
);
