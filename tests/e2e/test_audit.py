#!/usr/bin/python3
"""The audit trail: what leaves an event, and an independent reading of what is sealed."""
import hashlib
import json
import os
import signal
import time

from cryptography.hazmat.primitives import serialization

import credentials
import protocol
import world
from audit_case import EVENTS, AuditCase, chain_of, leaf, root_of, signed_string


class Events(AuditCase):
    def test_an_attach_leaves_its_steps(self):
        before = self.now()
        device = self.issuer.device(self.arpf)
        supi = self.assert_attached(device, self.world.attach(device))
        self.world.attach(device)  # the same again changes nothing
        self.world.request("DELETE", "/nausf-initial-attach/v1/contexts/" + device.dimsi)
        events = self.actions(before)
        self.assertEqual(["BOUND", "VECTORS_SENT", "RELEASED"], [e["action"] for e in events])
        for event in events:
            self.assertEqual((device.dimsi, supi[5:], "loopback", "FINE"),
                             (event["subject"], event["related"], event["actor"], event["outcome"]))
        self.assertEqual(device.se_id, events[0]["detail"])

    def test_batch_items_are_the_caller_s(self):
        before = self.now()
        devices = [self.issuer.device(self.arpf) for _ in range(5)]
        answer = self.world.request("POST", "/nausf-initial-attach/v1/contexts/batch", {
            "items": [{"seCredentials": d.credentials()} for d in devices]})
        self.assertEqual(200, answer.status, answer)
        events = self.actions(before)
        self.assertEqual([("BOUND", "loopback")] * 5, [(e["action"], e["actor"]) for e in events])
        self.assertEqual({d.dimsi for d in devices}, {e["subject"] for e in events})

    def test_administration_is_by_user(self):
        before = self.now()
        anchor = credentials.make_ci()
        self.world.trust(anchor)
        serial = "%x" % int.from_bytes(os.urandom(8), "big")
        path = self.world.path("anchor.pem")
        self.world.run("arpfctl", "revoke", "certificate", "--issuer", path, "--serial", serial)
        self.world.run("arpfctl", "trust", "remove", hashlib.sha256(
            anchor.certificate.public_bytes(serialization.Encoding.DER)).hexdigest())
        events = self.actions(before)
        self.assertEqual(["ANCHOR_ADDED", "CERTIFICATE_REVOKED", "ANCHOR_REMOVED"], [e["action"] for e in events])
        self.assertEqual({"unix:%d" % os.getuid()}, {e["actor"] for e in events})
        self.assertIn(serial[-12:], events[1]["detail"])

    def test_refusals_are_recorded(self):
        before = self.now()
        stranger_ci = credentials.make_ci()
        stranger = credentials.Device(credentials.make_pn(stranger_ci), stranger_ci, "001990000000001")
        stranger.make_token(self.arpf)
        self.assert_problem(self.world.attach(stranger), 403, "CERTIFICATE_UNTRUSTED")
        bound = self.issuer.device(self.arpf)
        self.assert_attached(bound, self.world.attach(bound))
        bound.make_token(self.arpf)
        self.assert_problem(self.world.attach(bound), 409, "DIMSI_IN_USE")
        world.wait_until(lambda: len([e for e in self.actions(before) if e["action"] == "REFUSED"]) == 2, 10,
                         "both are recorded")
        refused = [e for e in self.actions(before) if e["action"] == "REFUSED"]
        self.assertEqual(["CERTIFICATE_UNTRUSTED", "DIMSI_IN_USE"], [e["outcome"] for e in refused])
        self.assertEqual("initial-attach " + stranger.se_id, refused[0]["detail"])
        self.assertEqual(bound.dimsi, refused[1]["subject"])

    def test_what_was_not_done_is_not_there(self):
        before = self.now()
        for path in ("/nausf-initial-attach/v1/contexts/001990000000009", "/nowhere"):
            self.assertEqual(404, self.world.request("DELETE", path).status)
        time.sleep(1)
        self.assertEqual([], self.actions(before))

    def test_filters(self):
        device = self.issuer.device(self.arpf)
        self.assert_attached(device, self.world.attach(device))
        listed = self.world.request("GET", "/admin/v1/audit/events?subject=%s&action=BOUND" % device.dimsi).json
        self.assertEqual((1, None), (len(listed["items"]), listed["next"]))
        for query in ("actor=nobody", "since=%d" % (time.time() + 60), "until=1000", "subject=001990000000008"):
            self.assertEqual([], self.world.request("GET", "/admin/v1/audit/events?" + query).json["items"], query)
        for query in ("action=NONE", "before=7", "before=7.x", "subject=5", "limit=0", "since=-1"):
            self.assert_problem(self.world.request("GET", "/admin/v1/audit/events?" + query), 400, "INVALID_PARAMETER",
                                query.split("=")[0])


class Trail(AuditCase):
    """Read by others than the server."""

    def test_an_independent_reading(self):
        for _ in range(20):
            device = self.issuer.device(self.arpf)
            self.assert_attached(device, self.world.attach(device))
        self.wait_for_seal()
        previous, from_xid = bytes(32), 0
        trees = self.trees()
        self.assertGreater(len(trees), 1)
        for i, tree in enumerate(trees):
            self.assertEqual((i + 1, from_xid), (tree["number"], tree["from_xid"]))
            events = self.world.sql("SELECT %s FROM audit_events WHERE xid >= %d AND xid < %d ORDER BY xid, number" % (
                ", ".join(EVENTS), tree["from_xid"], tree["to_xid"]))
            self.assertEqual(tree["count"], len(events))
            self.assertEqual(tree["root"], root_of([leaf(e) for e in events]))
            self.assertEqual(tree["chain"], chain_of(tree, previous))
            self.assertEqual((hashlib.sha256(protocol.spki(self.arpf.sign.public_key())).digest(), 1, 0, b""),
                             (tree["signer_id"], tree["tree_size"], tree["leaf_index"], tree["path"]))
            protocol.verify_raw(self.arpf.sign.public_key(), tree["signature"], signed_string(tree["chain"]))
            previous, from_xid = tree["chain"], tree["to_xid"]
        root = self.root_file()
        self.assertEqual((trees[-1]["number"], trees[-1]["chain"].hex(), trees[-1]["signature"].hex()),
                         (root["number"], root["chain"], root["signature"]))
        listed = self.world.request("GET", "/admin/v1/audit/trees?limit=1000").json["items"]
        self.assertEqual([t["chain"].hex() for t in trees], [t["chain"] for t in listed])

    def test_an_auditor_without_the_token(self):
        device = self.issuer.device(self.arpf)
        self.assert_attached(device, self.world.attach(device))
        self.wait_for_seal()
        pem = self.world.path("signer.pem")
        with open(pem, "wb") as f:
            f.write(self.arpf.sign.public_bytes(serialization.Encoding.PEM))
        said = self.verify("--signer", pem)
        self.assertTrue(said["whole"])
        self.assertEqual(said["trees"], len(self.trees()))
        with open(pem, "wb") as f:
            f.write(credentials.make_ci().pem)
        said = self.verify("--signer", pem, status=1)
        self.assertEqual(said["faultCount"], said["trees"] + 1)  # each tree, and the root file
        for tree in (1, len(self.trees())):
            self.assertEqual(len(self.trees()) - tree + 1, self.verify("--from", str(tree))["trees"])
        self.assertEqual(1, self.world.run("arpfctl", "audit", "verify", "--from", "9999", check=False).returncode)
        self.assertEqual(2, self.world.run("arpfctl", "audit", "verify", "--from", "x", check=False).returncode)


class Flood(AuditCase):
    """Of a caller without a certificate on a plain listener: all are `loopback`."""

    is_rough = True
    most = 2000  # at once

    def refuse(self, thousands):
        """In batches of a thousand items, none of which may attach."""
        ci = credentials.make_ci()
        stranger = credentials.Device(credentials.make_pn(ci), ci, "001990000000001")
        stranger.make_token(self.arpf)
        batch = {"items": [{"seCredentials": stranger.credentials()}] * 1000}
        for _ in range(thousands):
            answer = self.world.request("POST", "/nausf-initial-attach/v1/contexts/batch", batch)
            self.assertEqual({"CERTIFICATE_UNTRUSTED"}, {item["cause"] for item in answer.json["results"]})
        return 1000 * thousands

    def told(self):
        """Recorded one by one, and as part of a number."""
        return [int(v or 0) for v in self.world.sql(
            "SELECT count(*) FILTER (WHERE action = 1), sum(related) FILTER (WHERE action = 2) FROM audit_events")[0]]

    def test_what_is_beyond_the_bound_is_a_number(self):
        began = time.monotonic()
        total = self.refuse(4)
        fast = time.monotonic() - began < 5  # else it may all have been within the bound, which is 200 a second
        world.wait_until(lambda: sum(self.told()) == total, 20, "all are told, though nothing else happens")
        self.assertGreaterEqual(self.told()[0], self.most)
        if fast:
            self.assertGreater(self.told()[1], 0)
        lost = [e for e in self.actions() if e["action"] == "REFUSALS_LOST"]
        self.assertEqual({"server"}, {e["actor"] for e in lost})
        for event in lost:
            self.assertEqual("strangers=0 callers=1 of_callers=%d most=loopback" % int(event["related"]), event["detail"])
        # What a server has not told yet it tells at its end.
        before, began = self.told(), time.monotonic()
        total += self.refuse(3)
        fast = time.monotonic() - began < 3
        self.world.kill_arpfd(signal.SIGTERM)
        self.assertEqual(total, sum(self.told()))
        if fast:
            self.assertGreater(self.told()[1], before[1])
        self.world.start()
        self.wait_for_seal()
        self.assertTrue(self.verify()["whole"])


class Off(AuditCase):
    settings = {"audit.trail": "off"}

    def test_nothing_is_written(self):
        device = self.issuer.device(self.arpf)
        self.assert_attached(device, self.world.attach(device))
        device.make_token(self.arpf)
        self.assert_problem(self.world.attach(device), 409, "DIMSI_IN_USE")
        time.sleep(2)
        self.assertEqual([["0", "0"]], self.world.sql("SELECT (SELECT count(*) FROM audit_events),"
                                                      " (SELECT count(*) FROM audit_trees)"))
        self.assertFalse(os.path.exists(self.world.path("audit.root")))
        self.assertTrue(self.verify()["whole"])
        self.assertFalse(json.loads(self.world.run("arpfctl", "status", "--json").stdout)["audit"]["trail"])


if __name__ == "__main__":
    world.main()
