-- Whose revocations they are: issuers of one name are told apart by their keys.

-- SHA-256 of the SubjectPublicKeyInfo of each key of the issuer under which the serial was revoked, one after
-- the other; empty: of any key, as all before this was. A program that does not know the column writes those.
ALTER TABLE revocations ADD COLUMN issuer_keys bytea NOT NULL DEFAULT '';

-- Also where the serial was revoked under one of the keys before: that program would leave such a row as it is.
CREATE FUNCTION arpf_revoke_under_any() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE revocations SET issuer_keys = ''
	WHERE issuer_hash = NEW.issuer_hash AND serial = NEW.serial AND issuer_keys <> '';
	RETURN NEW;
END $$;
CREATE TRIGGER under_any BEFORE INSERT ON revocations
	FOR EACH ROW WHEN (NEW.issuer_keys = '') EXECUTE FUNCTION arpf_revoke_under_any();

-- That the certificate which verified the CRL was signed by its own key: it is a CA by itself, and no other of
-- its name.
ALTER TABLE crls ADD COLUMN is_root boolean NOT NULL DEFAULT false;
