#!/usr/bin/python3
"""What an operator does to a running server, as a device's credentials then find it."""
import datetime
import json
import os
import signal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

import credentials
import world

KEY_PUT, KEY_MADE = 65, 67  # events


class Lists(world.WorldCase):
    def test_many_bindings(self):
        """More than a page; rows as long as they come."""
        self.world.sql("INSERT INTO bindings SELECT 1990900000000 + n, 99999900000000 + n, 1, 1, 1, 0,"
                       " repeat('x', 64), sha256(n::text::bytea), '', '' FROM generate_series(1, 2500) n")
        listed = self.world.run("arpfctl", "binding", "list").stdout
        self.assertEqual(2500, listed.count("x" * 64))
        page = self.world.request("GET", "/admin/v1/bindings?limit=1000").json
        self.assertEqual(1000, len(page["items"]))
        self.world.sql("DELETE FROM bindings WHERE se_id = repeat('x', 64)")


class Keys(world.WorldCase):
    is_rough = True

    def key_ids(self, use):
        """Newest generation first."""
        lines = self.world.run("arpfctl", "keys", "list").stdout.splitlines()
        rows = [line.split() for line in lines if line.startswith("arpf.%s." % use)]
        return [row[-1] for row in sorted(rows, key=lambda row: -int(row[2]))]

    def test_rotated_ecka(self):
        before = self.world.arpf()
        waiting = self.issuer.device(before)
        self.world.run("arpfctl", "keys", "rotate", "arpf.ecka")
        world.wait_until(lambda: self.world.arpf().key_id.hex() == self.key_ids("ecka")[0], 30,
                         "the new key is given out")
        after = self.world.arpf()
        self.assertNotEqual(before.key_id, after.key_id)
        for device in (waiting, self.issuer.device(after), self.issuer.device(before)):
            self.assert_attached(device, self.world.attach(device), arpf=after)

        late = self.issuer.device(before)
        self.world.run("arpfctl", "keys", "retire", before.key_id.hex())
        world.wait_until(lambda: self.world.attach(late).status == 400, 30, "the old key is retired")
        self.assert_problem(self.world.attach(late), 400, "INVALID_PARAMETER", "atk")
        device = self.issuer.device(after)
        self.assert_attached(device, self.world.attach(device), arpf=after)

    def test_rotated_signing_key_and_kek(self):
        before = self.world.arpf()
        device = self.issuer.device(before)
        self.assert_attached(device, self.world.attach(device), arpf=before)
        for use in ("sign", "kek", "recipient"):
            self.world.run("arpfctl", "keys", "rotate", "arpf." + use)
        world.wait_until(lambda: self.world.arpf().said["certSign"] != before.said["certSign"], 30,
                         "the new signing certificate is given out")
        after = self.world.arpf()
        for _ in range(5):
            device = self.issuer.device(after)
            self.assert_attached(device, self.world.attach(device), arpf=after)

    def details(self, action):
        """Of the events of this kind, oldest first."""
        return [row[0] for row in self.world.sql(
            "SELECT detail FROM audit_events WHERE action = %d ORDER BY xid, number" % action)]

    def in_hsm(self):
        """label and id of every key"""
        keys = json.loads(self.world.run("arpfctl", "--json", "keys", "list").stdout)["keys"]
        return {"%s %s" % (key["label"], key["keyId"]) for key in keys if key["inHsm"]}

    def test_every_key_that_is_made_leaves_its_event(self):
        made = [detail for detail in self.details(KEY_MADE) if not detail.startswith("ibs")]
        self.assertEqual((sorted(self.in_hsm()), len(set(made))), (sorted(made), len(made)))
        for use in ("kek", "session", "sign"):
            before = self.in_hsm()
            self.world.run("arpfctl", "keys", "rotate", "arpf." + use)
            new = self.in_hsm() - before
            self.assertEqual(1, len(new))
            made = self.details(KEY_MADE)
            self.assertEqual(new, set(made[-1:]))
            self.assertRegex(made[-1], r"^arpf\.%s\.[0-9]+ [0-9a-f]{64}$" % use)
        self.assertEqual(new, {self.details(KEY_PUT)[-1]})  # the signing key's certificate
        # Nothing is made, nothing is said.
        before = self.details(KEY_MADE), self.details(KEY_PUT)
        self.world.run("arpfctl", "keys", "init")
        self.assertEqual(before, (self.details(KEY_MADE), self.details(KEY_PUT)))
        # Where it could not be recorded no key is made.
        config, keys = self.world.path("without-a-database.conf"), self.in_hsm()
        with open(self.world.environment["ARPF_CONFIG"]) as f:
            lines = [line if not line.startswith("connection =") else "connection = host=/nowhere\n" for line in f]
        with open(config, "w") as f:
            f.writelines(lines)
        for words in (("rotate", "arpf.kek"), ("init",)):
            done = self.world.run("arpfctl", "--config", config, "keys", *words, check=False)
            self.assertEqual(1, done.returncode, done)
            self.assertIn("DATABASE_UNAVAILABLE: no key was made", done.stderr)
        self.assertEqual(keys, self.in_hsm())

    def test_a_key_that_could_not_be_certified_leaves_its_event(self):
        config, before = self.world.path("without-a-ca.conf"), self.in_hsm()
        with open(self.world.environment["ARPF_CONFIG"]) as f:
            lines = ["ca_key_file = /nowhere\n" if line.startswith("ca_key_file") else line for line in f]
        with open(config, "w") as f:
            f.writelines(lines)
        done = self.world.run("arpfctl", "--config", config, "keys", "rotate", "arpf.ecka", check=False)
        self.assertEqual(1, done.returncode, done)
        new = self.in_hsm() - before
        self.assertEqual(1, len(new))
        self.assertEqual(new, set(self.details(KEY_MADE)[-1:]))
        self.assertIn("perhaps not certified: %s;" % min(new).split()[0], done.stderr)
        self.assertNotEqual(new, set(self.details(KEY_PUT)[-1:]))
        # With the CA in its place again the same command as ever goes on with it.
        self.world.run("arpfctl", "keys", "init")
        self.assertEqual((new, new), (set(self.details(KEY_MADE)[-1:]), set(self.details(KEY_PUT)[-1:])))
        self.assertEqual(new, self.in_hsm() - before)

    def test_what_the_module_cannot_make_is_said(self):
        answer = {"keys": [], "refused": [{"use": "suci-a", "reason": "the module has no such mechanism"}]}
        keyd, config = self.world.path("keyd-that-refuses"), self.world.path("refusing.conf")
        with open(keyd, "w", opener=lambda path, flags: os.open(path, flags, 0o700)) as f:
            f.write("#!/bin/sh\necho '%s'\n" % json.dumps(answer))
        with open(self.world.environment["ARPF_CONFIG"]) as f:
            lines = [line for line in f if not line.startswith("keyd_path")]
        with open(config, "w") as f:
            f.writelines(line + ("keyd_path = %s\n" % keyd if line == "[hsm]\n" else "") for line in lines)
        done = self.world.run("arpfctl", "--config", config, "keys", "init")
        self.assertIn("no key of use suci-a was made: the module has no such mechanism", done.stderr)
        done = self.world.run("arpfctl", "--config", config, "--json", "keys", "init")
        self.assertEqual((answer, ""), (json.loads(done.stdout), done.stderr))
        self.assertNotIn("refused", json.loads(self.world.run("arpfctl", "--json", "keys", "init").stdout))

    def test_a_label_that_is_none(self):
        done = self.world.run("arpfctl", "keys", "rotate", "arpf.no-such", check=False)
        self.assertEqual(1, done.returncode, done)
        for use in ("ecka", "sign", "recipient", "kek", "session", "suci-a", "suci-b"):
            self.assertIn(" arpf." + use, done.stderr)

    def test_the_newest_cannot_be_retired(self):
        done = self.world.run("arpfctl", "keys", "retire", self.key_ids("ecka")[0], check=False)
        self.assertEqual(1, done.returncode, done)


class Revocation(world.WorldCase):
    is_rough = True

    def test_crl(self):
        revoked = [self.issuer.device(self.arpf) for _ in range(3)]
        good = self.issuer.device(self.arpf)
        issuer = self.world.path("pn-that-revokes.pem")
        with open(issuer, "wb") as f:
            f.write(credentials.make_pn(self.issuer.ci, key=self.issuer.pn.key,
                                        usage=("key_cert_sign", "crl_sign")).pem)
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.issuer.pn.name)
                   .last_update(now).next_update(now + datetime.timedelta(days=1)))
        for device in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(device.se.serial).revocation_date(now).build())
        for encoding in (Encoding.DER, Encoding.PEM):
            path = self.world.path("list.crl")
            with open(path, "wb") as f:
                f.write(builder.sign(self.issuer.pn.key, hashes.SHA256()).public_bytes(encoding))
            self.world.run("arpfctl", "revoke", "crl", path, "--issuer", issuer)
        for device in revoked:
            self.assert_problem(self.world.attach(device), 403, "CERTIFICATE_REVOKED")
        self.assert_attached(good, self.world.attach(good))

    def test_survives_a_restart(self):
        device = self.issuer.device(self.arpf)
        issuer = self.world.path("pn.pem")
        with open(issuer, "wb") as f:
            f.write(device.pn.pem)
        self.world.run("arpfctl", "revoke", "certificate", "--issuer", issuer, "--serial", "%x" % device.se.serial)
        self.assert_problem(self.world.attach(device), 403, "CERTIFICATE_REVOKED")
        self.world.stop()
        self.world.start()
        self.assert_problem(self.world.attach(device), 403, "CERTIFICATE_REVOKED")
        another = self.issuer.device(self.arpf)
        self.assert_attached(another, self.world.attach(another))


class Reload(world.WorldCase):
    is_rough = True

    def reload(self, **settings):
        """Rewrites the file that the server was started with."""
        path = self.world.environment["ARPF_CONFIG"]
        with open(path) as f:
            lines = [line for line in f.read().splitlines()
                     if not any(line.startswith(name + " =") for name in settings)]
        at = lines.index("[server]") + 1
        lines[at:at] = ["%s = %s" % item for item in settings.items()]
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")
        seen = self.world.log().count("settings_re") + self.world.log().count("settings_unusable")
        os.kill(self.world.arpfd_pid(), signal.SIGHUP)
        world.wait_until(lambda: self.world.log().count("settings_re") +
                         self.world.log().count("settings_unusable") > seen, 10, "a word about the reload")

    def test_taken_over(self):
        device = self.issuer.device(self.arpf)
        self.reload(transactions_in_flight=1)
        answer = self.world.request("POST", "/nausf-initial-attach/v1/contexts/batch",
                                    {"items": [{"seCredentials": device.credentials()}] * 5})
        self.assert_problem(answer, 503, "OVERLOADED")
        self.reload(transactions_in_flight=100)
        self.assert_attached(device, self.world.attach(device))

    def test_a_bad_file_changes_nothing(self):
        pid = self.world.arpfd_pid()
        self.reload(deadline_ms="soon")
        self.assertTrue(world.is_alive(pid))
        device = self.issuer.device(self.arpf)
        self.assert_attached(device, self.world.attach(device))
        self.reload(deadline_ms=10000)
        self.assert_attached(device, self.world.attach(device), 200)


if __name__ == "__main__":
    world.main()
