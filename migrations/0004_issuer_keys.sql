-- Whose revocations they are: issuers of one name are told apart by their keys.

-- SHA-256 of the SubjectPublicKeyInfo of each key of the issuer under which the serial was revoked, one after
-- the other; empty: of any key, as all before this was. A program that does not know the column writes those.
ALTER TABLE revocations ADD COLUMN issuer_keys bytea NOT NULL DEFAULT '';

-- That the certificate which verified the CRL was signed by its own key: it is a CA by itself, and no other of
-- its name.
ALTER TABLE crls ADD COLUMN is_root boolean NOT NULL DEFAULT false;
