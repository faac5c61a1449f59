#!/usr/bin/python3
"""A last tree that somebody with the database's password has made himself: no server seals upon it."""
import hashlib
import os
import signal
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

import protocol
import world
from audit_case import AuditCase, chain_of, signed_string
from replica import Replica


class Forged(AuditCase):
    is_rough = True

    def setUp(self):
        self.replica = Replica(self.world, "replica.root")
        self.addCleanup(self.replica.end)
        self.attach()
        self.wait_for_seal()
        self.wait_for_roots()
        self.last = self.trees()[-1]

    def attach(self):
        device = self.issuer.device(self.arpf)
        self.assert_attached(device, self.world.attach(device))
        return device

    def wait_for_roots(self):
        number = self.trees()[-1]["number"]
        for name in ("audit.root", "replica.root"):
            world.wait_until(lambda: self.root_file(name)["number"] == number, 20, name + " is written")

    def log_of_the_replica(self):
        with open(self.world.path("replica.log")) as f:
            return f.read()

    def broken(self):
        return [self.metric("arpf_audit_trail_broken", server) for server in (self.world, self.replica)]

    def forge(self, key, signer_id, **changes):
        """The next tree, with hashes as they have to be."""
        to_xid = int(self.world.sql("SELECT pg_snapshot_xmin(pg_current_snapshot())")[0][0])
        tree = {"number": self.last["number"] + 1, "from_xid": self.last["to_xid"], "to_xid": to_xid, "count": 1,
                "sealed_at": int(time.time()), "root": os.urandom(32), **changes}
        chain = chain_of(tree, self.last["chain"])
        r, s = utils.decode_dss_signature(key.sign(signed_string(chain), ec.ECDSA(hashes.SHA256())))
        self.world.sql("INSERT INTO audit_trees (number, from_xid, to_xid, count, sealed_at, tree_size, leaf_index,"
                       " root, chain, signer_id, signature, path) VALUES (%d, %d, %d, %d, %d, 1, 0, '\\x%s', '\\x%s',"
                       " '\\x%s', '\\x%s', '')" % (
                           tree["number"], tree["from_xid"], tree["to_xid"], tree["count"], tree["sealed_at"],
                           tree["root"].hex(), chain.hex(), signer_id.hex(),
                           (r.to_bytes(32, "big") + s.to_bytes(32, "big")).hex()))
        return tree["number"]

    def assert_not_gone_on_from(self, number):
        """Neither by a tree nor in a root file; and that is told, once."""
        world.wait_until(lambda: self.broken() == [1, 1], 60, "both servers notice")
        self.attach()  # they serve
        time.sleep(3)
        self.assertEqual(number, self.trees()[-1]["number"])
        for name in ("audit.root", "replica.root"):
            self.assertEqual(self.last["number"], self.root_file(name)["number"])
        self.assertEqual([1, 1], self.broken())

    def assert_gone_on(self):
        self.wait_for_seal()
        self.wait_for_roots()
        world.wait_until(lambda: self.broken() == [0, 0], 20, "both servers go on")
        self.assertTrue(self.verify()["whole"])
        self.assertTrue(self.verify("--root-file", self.world.path("replica.root"))["whole"])

    def test_under_the_server_s_name(self):
        logs = [self.world.log, self.log_of_the_replica]
        before = [log().count("audit_trail_broken") for log in logs]
        number = self.forge(ec.generate_private_key(ec.SECP256R1()), self.last["signer_id"])
        self.assert_not_gone_on_from(number)
        self.assertEqual([n + 1 for n in before], [log().count("audit_trail_broken") for log in logs])
        faults = self.verify("--no-root-file", status=1)["faults"]
        self.assertIn((number, "its signature does not hold"), [(f.get("tree"), f["fault"]) for f in faults])
        self.world.sql("DELETE FROM audit_trees WHERE number = %d" % number)
        self.assert_gone_on()

    def test_under_a_name_of_one_s_own(self):
        """Which the database lists among the server's keys."""
        key = ec.generate_private_key(ec.SECP256R1())
        key_id = hashlib.sha256(protocol.spki(key.public_key())).digest()
        self.world.sql("INSERT INTO arpf_keys (key_id, use, generation, created_at, label, certificate, chain)"
                       " SELECT '\\x%s', use, generation + 1, created_at, 'arpf.sign.99', certificate, chain"
                       " FROM arpf_keys WHERE use = 1 ORDER BY generation DESC LIMIT 1" % key_id.hex())
        try:
            number = self.forge(key, key_id)
            self.assert_not_gone_on_from(number)
            self.world.sql("DELETE FROM audit_trees WHERE number = %d" % number)
        finally:
            self.world.sql("DELETE FROM arpf_keys WHERE key_id = '\\x%s'" % key_id.hex())
        self.assert_gone_on()

    def test_far_ahead(self):
        """By one that takes all transactions to come, and another upon it."""
        key = ec.generate_private_key(ec.SECP256R1())
        number = self.forge(key, self.last["signer_id"], to_xid=1 << 62)
        self.assert_not_gone_on_from(number)
        self.world.sql("UPDATE audit_trees SET number = %d WHERE number = %d" % ((1 << 63) - 1, number))
        self.assert_not_gone_on_from((1 << 63) - 1)
        self.world.sql("DELETE FROM audit_trees WHERE number > %d" % self.last["number"])
        self.assert_gone_on()

    def test_while_no_server_runs(self):
        """The last tree there is, and its end, are looked at by who comes anew, with his root file or without."""
        changes = (("signature = set_byte(signature, 9, get_byte(signature, 9) # 1)",) * 2,
                   ("to_xid = to_xid + 100", "to_xid = to_xid - 100"))
        for there, back in changes:
            with self.subTest(there):
                self.attach()
                self.wait_for_seal()
                self.wait_for_roots()
                self.last = self.trees()[-1]
                number = self.last["number"]
                self.replica.end()
                self.world.kill_arpfd(signal.SIGTERM)
                self.world.sql("UPDATE audit_trees SET %s WHERE number = %d" % (there, number))
                os.rename(self.world.path("replica.root"), self.world.path("replica.root.away"))
                self.world.start()
                self.replica.start()
                world.wait_until(lambda: self.broken() == [1, 1], 60, "both servers notice")
                self.attach()
                time.sleep(3)
                self.assertEqual(number, self.trees()[-1]["number"])
                self.assertEqual((number, 0), (self.root_file()["number"], self.root_file("replica.root")["number"]))
                self.world.sql("UPDATE audit_trees SET %s WHERE number = %d" % (back, number))
                self.assert_gone_on()

    def test_a_new_key_is_no_fault(self):
        """Each server's workers learn of it in their own time."""
        signer = self.last["signer_id"]
        self.world.run("arpfctl", "keys", "rotate", "arpf.sign")
        deadline = time.monotonic() + 60
        while self.trees()[-1]["signer_id"] == signer and time.monotonic() < deadline:
            device = self.issuer.device(self.arpf)
            self.world.attach(device)
            time.sleep(0.2)
        self.assertNotEqual(signer, self.trees()[-1]["signer_id"])
        type(self).arpf = self.world.arpf()
        self.assert_gone_on()


if __name__ == "__main__":
    world.main()
