#!/usr/bin/python3
"""What `arpfctl audit verify` names when somebody has worked on the trail, and what servers do that seal one."""
import hashlib
import json
import signal
import threading
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

import protocol
import world
from audit_case import EVENTS, AuditCase, chain_of, leaf, root_of, signed_string
from replica import Replica


class Tampering(AuditCase):
    """Each thing that somebody with the database's password may do is named; and made good again."""

    is_rough = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for _ in range(4):
            for _ in range(5):
                device = cls.issuer.device(cls.arpf)
                cls.world.attach(device)
                cls.world.authenticate(device.dimsi)
            cls.wait_for_seal(cls("wait_for_seal"))
        cls.world.sql("CREATE TABLE kept_events AS SELECT * FROM audit_events;"
                      " CREATE TABLE kept_trees AS SELECT * FROM audit_trees")
        cls.last = int(cls.world.sql("SELECT max(number) FROM audit_trees")[0][0])
        # A tree in the middle, with more than a few events.
        cls.number, cls.from_xid, cls.to_xid, cls.count = map(int, cls.world.sql(
            "SELECT number, from_xid, to_xid, count FROM audit_trees WHERE number < %d ORDER BY count DESC LIMIT 1"
            % cls.last)[0])
        cls.some = "(SELECT xid, number FROM audit_events WHERE xid >= %d AND xid < %d ORDER BY xid, number" \
                   " OFFSET %d LIMIT 1)" % (cls.from_xid, cls.to_xid, cls.count // 2)

    def tearDown(self):
        self.world.sql("TRUNCATE audit_events, audit_trees; INSERT INTO audit_events SELECT * FROM kept_events;"
                       " INSERT INTO audit_trees SELECT * FROM kept_trees")
        self.assertTrue(self.verify()["whole"])

    def only_fault(self, *options):
        faults = self.verify(*options, status=1)["faults"]
        self.assertEqual(1, len(faults), faults)
        return faults[0]

    def assert_fault(self, fault, words, **members):
        self.assertIn(words, fault["fault"])
        self.assertEqual(members, {name: fault.get(name) for name in members}, fault)

    def test_changed_byte(self):
        changes = ("at_ms = at_ms + 1", "action = action + 1", "outcome = outcome + 1", "subject = subject + 1",
                   "related = related + 1", "actor = 'loopbacK'", "detail = detail || ' '", "number = number + 1")
        for change in changes:
            with self.subTest(change):
                self.world.sql("UPDATE audit_events SET %s WHERE (xid, number) = %s" % (change, self.some))
                self.assert_fault(self.only_fault(), "changed", tree=self.number, fromXid=self.from_xid,
                                  toXid=self.to_xid, expected=self.count, found=self.count)
                self.tearDown()

    def test_deleted_row(self):
        self.world.sql("DELETE FROM audit_events WHERE (xid, number) = " + self.some)
        self.assert_fault(self.only_fault(), "removed", tree=self.number, expected=self.count, found=self.count - 1)

    def test_inserted_row(self):
        self.world.sql("INSERT INTO audit_events SELECT xid, number + 1, at_ms, subject, related, action, outcome,"
                       " actor, detail FROM audit_events WHERE (xid, number) = " + self.some)
        self.assert_fault(self.only_fault(), "added", tree=self.number, expected=self.count, found=self.count + 1)

    def test_swapped_rows(self):
        self.world.sql("UPDATE audit_events e SET (at_ms, subject, related, action, outcome, actor, detail) ="
                       " (o.at_ms, o.subject, o.related, o.action, o.outcome, o.actor, o.detail)"
                       " FROM kept_events o WHERE (e.xid, e.number, o.xid, o.number) IN ("
                       " SELECT a.xid, a.number, b.xid, b.number FROM (SELECT * FROM kept_events WHERE xid >= %d"
                       "  ORDER BY xid, number LIMIT 2) a JOIN (SELECT * FROM kept_events WHERE xid >= %d"
                       "  ORDER BY xid, number LIMIT 2) b ON (a.xid, a.number) <> (b.xid, b.number))" % (
                           self.from_xid, self.from_xid))
        self.assert_fault(self.only_fault(), "changed", tree=self.number)

    def test_changed_tree(self):
        columns = ("to_xid = to_xid + 1", "count = count + 1", "count = 9223372036854775807",
                   "sealed_at = sealed_at - 1", "tree_size = 2", "root = sha256(root)", "chain = sha256(chain)",
                   "signer_id = sha256(signer_id)", "signature = signature || '\\x00'", "signature = set_byte(signature, 9, 1)", "leaf_index = 1",
                   "path = sha256(path)")
        for change in columns:
            with self.subTest(change):
                self.world.sql("UPDATE audit_trees SET %s WHERE number = %d" % (change, self.number))
                named = {fault.get("tree") for fault in self.verify(status=1)["faults"]}
                self.assertIn(self.number, named)
                self.assertLessEqual(named, {self.number, self.number + 1})
                self.tearDown()

    def test_missing_tree_in_the_middle(self):
        self.world.sql("DELETE FROM audit_trees WHERE number = %d" % self.number)
        faults = self.verify(status=1)["faults"]
        self.assert_fault(faults[0], "missing", tree=self.number, fromXid=self.from_xid, toXid=self.to_xid)
        self.assert_fault(faults[1], "no tree", found=self.count)
        self.world.sql("DELETE FROM audit_events WHERE xid >= %d AND xid < %d" % (self.from_xid, self.to_xid))
        self.assert_fault(self.only_fault(), "missing", tree=self.number)

    def test_end_cut_off(self):
        self.world.sql("DELETE FROM audit_events WHERE xid >= (SELECT from_xid FROM audit_trees WHERE number = %d);"
                       " DELETE FROM audit_trees WHERE number = %d" % (self.last, self.last))
        self.assert_fault(self.only_fault(), "root file names", tree=self.last)
        self.assertTrue(self.verify("--no-root-file")["whole"])  # nothing else could tell

    def test_all_gone(self):
        self.world.sql("TRUNCATE audit_events, audit_trees")
        self.assert_fault(self.only_fault(), "root file names", tree=self.last)

    def test_a_root_file_that_is_gone(self):
        self.assert_fault(self.only_fault("--root-file", self.world.path("nothing")), "not there")
        with open(self.world.path("spoilt"), "w") as f:
            f.write("openarpf audit root 1\n")
        done = self.world.run("arpfctl", "audit", "verify", "--root-file", self.world.path("spoilt"), check=False)
        self.assertEqual(1, done.returncode)

    def test_a_trail_signed_anew(self):
        """By a key of one's own, whose certificate takes the server's place in the database."""
        key = ec.generate_private_key(ec.SECP256R1())
        key_id = hashlib.sha256(protocol.spki(key.public_key())).digest()
        keys = self.world.sql("SELECT encode(key_id, 'hex') FROM arpf_keys WHERE use = 1")
        self.world.sql("CREATE TABLE kept_keys AS SELECT * FROM arpf_keys;"
                       " UPDATE arpf_keys SET key_id = '\\x%s' WHERE use = 1" % key_id.hex())
        try:
            self.world.sql("UPDATE audit_events SET subject = subject + 1 WHERE (xid, number) = " + self.some)
            self.sign_anew(key, key_id)
            faults = self.verify("--no-root-file", status=1)["faults"]
            self.assertEqual(set(range(1, self.last + 1)), {f["tree"] for f in faults})
            self.assertTrue(all("not one of the signers" in f["fault"] for f in faults), faults)
            self.sign_anew(key, bytes.fromhex(keys[0][0]))  # under the right name
            faults = self.verify("--no-root-file", status=1)["faults"]
            self.assertTrue(all("signature" in f["fault"] for f in faults), faults)
        finally:
            self.world.sql("DELETE FROM arpf_keys; INSERT INTO arpf_keys OVERRIDING SYSTEM VALUE"
                           " SELECT * FROM kept_keys; DROP TABLE kept_keys")

    def sign_anew(self, key, key_id):
        previous = bytes(32)
        for tree in self.trees():
            events = self.world.sql("SELECT %s FROM audit_events WHERE xid >= %d AND xid < %d ORDER BY xid, number" % (
                ", ".join(EVENTS), tree["from_xid"], tree["to_xid"]))
            tree["root"] = root_of([leaf(e) for e in events])
            previous = chain_of(tree, previous)
            r, s = utils.decode_dss_signature(key.sign(signed_string(previous), ec.ECDSA(hashes.SHA256())))
            self.world.sql("UPDATE audit_trees SET root = '\\x%s', chain = '\\x%s', signer_id = '\\x%s',"
                           " signature = '\\x%s' WHERE number = %d" % (
                               tree["root"].hex(), previous.hex(), key_id.hex(),
                               (r.to_bytes(32, "big") + s.to_bytes(32, "big")).hex(), tree["number"]))


class Sealing(AuditCase):
    is_rough = True

    def attach_for(self, seconds, ask, counts, least):
        """And until so many have been counted, for a minute more at the most."""
        end = time.monotonic() + seconds
        while time.monotonic() < end or (len(counts) < least and time.monotonic() < end + 60):
            device = self.issuer.device(self.arpf)
            try:
                if ask(device).status == 201:
                    counts.append(device.dimsi)
            except (OSError, AssertionError):
                pass

    def test_a_rotated_key(self):
        """What the old one signed is verified by it as long as the HSM has it."""
        signers = set()
        for turn in range(2):
            device = self.issuer.device(self.arpf)
            self.world.attach(device)
            self.wait_for_seal()
            signers.add(self.trees()[-1]["signer_id"])
            if turn == 0:
                self.world.run("arpfctl", "keys", "rotate", "arpf.sign")
                world.wait_until(lambda: self.world.arpf().sign != self.arpf.sign, 30, "the new key is given out")
        type(self).arpf = self.world.arpf()  # what the next cases go by
        self.assertEqual(2, len(signers))
        self.assertTrue(self.verify()["whole"])

    def test_letters_are_those_that_were_sealed(self):
        """Whatever encoding the caller's environment asks the database for."""
        self.world.sql("INSERT INTO audit_events SELECT pg_current_xact_id()::text::bigint, 1, 0, 0, 0, 1, 0, 'x',"
                       " U&'\\00e4\\20ac'")
        self.wait_for_seal()
        for encoding in ("LATIN9", "LATIN1", "UTF8"):
            self.world.environment["PGCLIENTENCODING"] = encoding
            try:
                self.assertTrue(self.verify()["whole"])
            finally:
                del self.world.environment["PGCLIENTENCODING"]

    def test_two_servers_one_trail(self):
        replica = Replica(self.world)
        try:
            bound = []
            threads = [threading.Thread(target=self.attach_for, args=(5, self.world.attach, bound, 11)),
                       threading.Thread(target=self.attach_for, args=(5, lambda d: replica.request(
                           "POST", "/nausf-initial-attach/v1/contexts", {"seCredentials": d.credentials()}), bound, 11))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.wait_for_seal()
            self.assertTrue(self.verify()["whole"])
            listed = {e["subject"] for e in self.actions() if e["action"] == "BOUND"}
            self.assertLessEqual(set(bound), listed)
            self.assertGreater(len(bound), 10)
            self.assertEqual(0, self.metric("arpf_audit_trail_broken"))
        finally:
            replica.end()

    def test_killed_in_between(self):
        bound = []
        for least in (4, 8, 12):
            thread = threading.Thread(target=self.attach_for, args=(2.5, self.world.attach, bound, least))
            thread.start()
            time.sleep(1.7)
            world.wait_until(lambda: len(bound) >= least, 60, "some are bound")
            self.world.kill_arpfd()
            thread.join()
            self.assertTrue(self.verify()["whole"])  # what waits is told, and no fault
            self.world.start()
        self.wait_for_seal()
        self.assertTrue(self.verify()["whole"])
        bindings = self.world.sql("SELECT b.dimsi FROM bindings b WHERE NOT EXISTS (SELECT FROM audit_events e"
                                  " WHERE e.action = 10 AND e.subject = b.dimsi AND e.related = b.imsi)")
        self.assertEqual([], bindings)  # no change without its event
        self.assertGreater(len(bound), 10)

    def test_a_trail_that_went_back_is_not_sealed_over(self):
        for _ in range(2):
            device = self.issuer.device(self.arpf)
            self.assert_attached(device, self.world.attach(device))
            self.wait_for_seal()
        last = self.trees()[-1]["number"]
        self.world.kill_arpfd(signal.SIGTERM)
        self.world.sql("CREATE TABLE last_tree AS SELECT * FROM audit_trees WHERE number = %d;"
                       " DELETE FROM audit_trees WHERE number = %d" % (last, last))
        self.world.start()  # it knows the last tree from the root file
        world.wait_until(lambda: self.metric("arpf_audit_trail_broken") == 1, 20, "it is noticed")
        self.assertIn("audit_trail_broken", self.world.log())
        self.assertTrue(json.loads(self.world.run("arpfctl", "status", "--json").stdout)["audit"]["broken"])
        device = self.issuer.device(self.arpf)
        self.assert_attached(device, self.world.attach(device))  # and serves
        time.sleep(2)
        self.assertEqual(last - 1, self.trees()[-1]["number"])
        # An operator puts back what was there.
        self.world.sql("INSERT INTO audit_trees SELECT * FROM last_tree")
        self.wait_for_seal()
        self.assertEqual(0, self.metric("arpf_audit_trail_broken"))
        self.assertIn("audit_trail_mended", self.world.log())
        self.assertTrue(self.verify()["whole"])


if __name__ == "__main__":
    world.main()
