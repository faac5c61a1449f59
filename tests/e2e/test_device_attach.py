#!/usr/bin/python3
"""Attach with device credentials (docs/protocol.md section 9), good and bad."""
import os
import time

import credentials
import euicc
import world
from euicc import ATTACHES, SESSIONS, Maker, ask_attach, at_once, authenticate, begin_attach, revoke
from protocol import b64


class AttachCase(world.WorldCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.maker = Maker()
        cls.world.trust(cls.maker.ci, "euicc")

    def session(self, session_id, method="GET"):
        return self.world.request(method, SESSIONS + "/" + session_id)

    def accepted(self, exchange, answer):
        self.assertEqual(200, answer.status, answer)
        return euicc.accept(exchange, answer.json)

    def refuse(self, exchange, body, cause, status=403, param=None):
        """Refused, and by it the attach has ended: a good answer comes too late."""
        self.assert_problem(authenticate(self.world, exchange, body), status, cause, param)
        self.assert_problem(authenticate(self.world, exchange, self.good(exchange)), 410, "SESSION_EXPIRED")

    def good(self, exchange):
        return exchange.answer(self.maker.euicc(exchange.subject))


class Attach(AttachCase):
    def test_straight_path(self):
        device = self.maker.euicc()
        exchange = begin_attach(self.world, device)
        self.assertEqual(exchange.certificates[0], self.arpf.sign)
        answer = authenticate(self.world, exchange, exchange.answer(device))
        session = self.accepted(exchange, answer)
        said = answer.json["pduSession"]
        self.assertEqual("provisioning", said["dnn"])
        self.assertTrue(said["allowedDestinations"])
        for destination in said["allowedDestinations"]:
            self.assertRegex(destination, r"^[^\s:]+:\d+$")
        self.assertAlmostEqual(time.time() + 600, said["expiresAt"], delta=30)
        self.assertRegex(answer.json["provisioningServer"], r"^https?://[^\s/]+")
        seen = self.session(session)
        self.assertEqual(200, seen.status, seen)
        self.assertEqual(said, {name: seen.json[name] for name in said})
        self.assertEqual(device.eid, seen.json["subject"])

    def test_detach(self):
        _, session = euicc.attach(self.world, self.maker.euicc())
        gone = self.session(session, "DELETE")
        self.assertEqual((204, b""), (gone.status, gone.body), gone)
        self.assert_problem(self.session(session), 410, "SESSION_EXPIRED")
        self.assert_problem(self.session(session, "DELETE"), 410, "SESSION_EXPIRED")

    def test_root_may_come_along(self):
        device = self.maker.euicc()
        exchange = begin_attach(self.world, device)
        self.accepted(exchange, authenticate(self.world, exchange, exchange.answer(
            device, chain=device.chain + [self.maker.ci.der])))

    def test_manufacturer_without_constraints(self):
        free = Maker("free", ein=None)
        self.world.trust(free.ci, "euicc")
        euicc.attach(self.world, free.euicc())

    def test_offers_are_fresh(self):
        device, nonce = self.maker.euicc(), os.urandom(16)
        said = [ask_attach(self.world, device.eid, nonce).json for _ in range(3)]
        for member in ("attachId", "serverNonce", "ephemeralPublicKey"):
            self.assertEqual(3, len({s[member] for s in said}), member)
        for s in said:
            exchange = euicc.Exchange("attach", device.eid, nonce, s)
            self.accepted(exchange, authenticate(self.world, exchange, exchange.answer(device)))

    def test_a_new_attach_ends_the_session_before(self):
        device = self.maker.euicc()
        _, first = euicc.attach(self.world, device)
        _, second = euicc.attach(self.world, device)
        self.assertIn(self.session(first).status, (404, 410))
        self.assertEqual(200, self.session(second).status)

    def test_many_offers_share_signatures(self):
        devices = [self.maker.euicc() for _ in range(24)]
        exchanges = at_once([lambda d=d: begin_attach(self.world, d) for d in devices])
        self.assertNotIn(None, exchanges)
        sessions = at_once([lambda x=x, d=d: euicc.accept(x, authenticate(
            self.world, x, x.answer(d)).json) for x, d in zip(exchanges, devices)])
        self.assertNotIn(None, sessions)
        self.assertEqual(24, len(set(sessions)))


class Replays(AttachCase):
    def test_the_same_again(self):
        device = self.maker.euicc()
        exchange = begin_attach(self.world, device)
        body = exchange.answer(device)
        first = authenticate(self.world, exchange, body)
        self.accepted(exchange, first)
        for _ in range(2):
            self.assertEqual(first.json, authenticate(self.world, exchange, body).json)

    def test_the_same_at_once(self):
        device = self.maker.euicc()
        exchange = begin_attach(self.world, device)
        body = exchange.answer(device)
        answers = at_once([lambda: authenticate(self.world, exchange, body)] * 12)
        self.assertEqual([200] * 12, [a.status for a in answers])
        self.assertEqual(1, len({a.body for a in answers}))

    def test_another_after_it(self):
        device = self.maker.euicc()
        exchange = begin_attach(self.world, device)
        self.accepted(exchange, authenticate(self.world, exchange, exchange.answer(device)))
        self.assert_problem(authenticate(self.world, exchange, exchange.answer(device)), 409, "CONFLICT")

    def test_others_at_once(self):
        device = self.maker.euicc()
        exchange = begin_attach(self.world, device)
        bodies = [exchange.answer(device) for _ in range(8)]  # ECDSA: eight signatures
        answers = at_once([lambda b=b: authenticate(self.world, exchange, b) for b in bodies])
        self.assertEqual([200] + [409] * 7, sorted(a.status for a in answers))

    def test_after_the_detach(self):
        device = self.maker.euicc()
        exchange = begin_attach(self.world, device)
        body = exchange.answer(device)
        session = self.accepted(exchange, authenticate(self.world, exchange, body))
        self.session(session, "DELETE")
        self.assert_problem(authenticate(self.world, exchange, body), 410, "SESSION_EXPIRED")

    def test_in_another_attach(self):
        device = self.maker.euicc()
        old, exchange = begin_attach(self.world, device), begin_attach(self.world, device)
        self.refuse(exchange, old.answer(device), "SIGNATURE_INVALID")

    def test_after_its_certificate_was_revoked(self):
        device = self.maker.euicc()
        exchange = begin_attach(self.world, device)
        body = exchange.answer(device)
        self.accepted(exchange, authenticate(self.world, exchange, body))
        revoke(self.world, self.maker.eum, device.holder)
        self.assert_problem(authenticate(self.world, exchange, body), 403, "CERTIFICATE_REVOKED")


class Requests(AttachCase):
    def test_eids(self):
        good = self.maker.euicc().eid
        wrong_check = good[:30] + "%02d" % ((int(good[30:]) + 1) % 98)
        for eid in (wrong_check, good[:31], good + "0", good[:30] + "x1", "", good[1:] + good[0], 5, ["x"],
                    good.replace(good[5], "\u0661")):
            self.assert_problem(ask_attach(self.world, eid), 400, "INVALID_PARAMETER", "eid")

    def test_shapes(self):
        eid = self.maker.euicc().eid
        for member in ("attachType", "eid", "ueNonce"):
            self.assert_problem(ask_attach(self.world, eid, **{member: None}), 400, "MISSING_PARAMETER", member)
            self.assert_problem(ask_attach(self.world, eid, **{member: 5}), 400, "INVALID_PARAMETER", member)
        self.assert_problem(ask_attach(self.world, eid, attachType="INITIAL"), 400, "INVALID_PARAMETER", "attachType")
        for nonce in (b"", bytes(15), bytes(17), bytes(4000)):
            self.assert_problem(ask_attach(self.world, eid, ueNonce=b64(nonce)), 400, "INVALID_PARAMETER", "ueNonce")
        self.assert_problem(self.world.request("POST", ATTACHES, b"{"), 400, "MALFORMED_REQUEST")

    def test_malformed_answers_leave_the_try(self):
        device = self.maker.euicc()
        exchange = begin_attach(self.world, device)
        good = exchange.answer(device)
        for member in good:
            self.assert_problem(authenticate(self.world, exchange, {k: v for k, v in good.items() if k != member}),
                                400, "MISSING_PARAMETER", member)
            for bad in (5, "", "!", b64(b"x"), [], ["x"], {}):
                self.assert_problem(authenticate(self.world, exchange, {**good, member: bad}),
                                    400, "INVALID_PARAMETER", member)
        chain = good["certificateChain"]
        for bad in (chain[:1], chain * 2, chain + [5], [chain[0], ""], [chain[0], b64(bytes(20000))]):
            self.assert_problem(authenticate(self.world, exchange, {**good, "certificateChain": bad}),
                                400, "INVALID_PARAMETER", "certificateChain")
        self.assert_problem(authenticate(self.world, exchange, b"[]"), 400, "MALFORMED_REQUEST")
        self.accepted(exchange, authenticate(self.world, exchange, good))

    def test_identifiers(self):
        device = self.maker.euicc()
        body = begin_attach(self.world, device).answer(device)
        path = ATTACHES + "/%s/authentication"
        self.assert_problem(self.world.request("POST", path % os.urandom(16).hex(), body), 404, "SESSION_NOT_FOUND")
        for method in ("GET", "DELETE"):
            self.assert_problem(self.session(os.urandom(16).hex(), method), 404, "SESSION_NOT_FOUND")
        for bad in ("x", "00", "g" * 32, "0" * 33):
            self.assert_problem(self.world.request("POST", path % bad, body), 400, "INVALID_PARAMETER", "attachId")
            self.assert_problem(self.session(bad), 400, "INVALID_PARAMETER", "id")


class Refused(AttachCase):
    def begin(self, device=None):
        device = device or self.maker.euicc()
        return device, begin_attach(self.world, device)

    def refuse_device(self, device, cause="CERTIFICATE_UNTRUSTED", **changes):
        _, exchange = self.begin(device)
        self.refuse(exchange, exchange.answer(device, **changes), cause)

    def test_signatures(self):
        device, exchange = self.begin()
        self.refuse(exchange, exchange.answer(device, key=credentials.new_key()), "SIGNATURE_INVALID")
        for change in ("kind", "id", "subject", "server_nonce", "device_nonce", "server_point"):
            device, exchange = self.begin()
            kept = getattr(exchange, change)
            other = {"kind": "dp", "id": "0" * 32, "subject": self.maker.euicc().eid}
            setattr(exchange, change, other.get(change, kept[::-1]))
            body = exchange.answer(device)
            setattr(exchange, change, kept)
            self.refuse(exchange, body, "SIGNATURE_INVALID")
        device, exchange = self.begin()
        for signature in (bytes(64), b"\xff" * 64):
            device, exchange = self.begin()
            self.refuse(exchange, exchange.answer(device, signature=b64(signature)), "SIGNATURE_INVALID")

    def test_points(self):
        device, exchange = self.begin()
        for point in (credentials.off_curve(exchange.point), bytes(65), b"\x02" + exchange.point[1:],
                      b"\x04" + b"\xff" * 64):
            device, exchange = self.begin()
            self.refuse(exchange, exchange.answer(device, point=point), "INVALID_PARAMETER", 400,
                        "ephemeralPublicKey")

    def test_certificates_that_are_none(self):
        device, exchange = self.begin()
        self.refuse(exchange, exchange.answer(device, chain=[b"\x30\x03abc", self.maker.eum.der]),
                    "INVALID_PARAMETER", 400, "certificateChain")

    def test_another_euicc(self):
        device, exchange = self.begin()
        other = self.maker.euicc()
        self.refuse(exchange, exchange.answer(other), "CERTIFICATE_UNTRUSTED")
        self.refuse_device(self.maker.euicc(subject_eid=other.eid))

    def test_strangers(self):
        self.refuse_device(Maker("stranger").euicc())

    def test_anchors_of_other_kinds(self):
        for use in ("se", "device", "arpf"):
            other = Maker(use)
            self.world.trust(other.ci, use)
            self.refuse_device(other.euicc())
        element = self.issuer.device()
        device, exchange = self.begin()
        self.refuse(exchange, exchange.answer(device, key=element.se.key, chain=[element.se.der, element.pn.der]),
                    "CERTIFICATE_UNTRUSTED")

    def test_manufacturer_outside_its_range(self):
        self.refuse_device(self.maker.euicc(euicc.eid_of("79" + self.maker.ein + "0" * 20)))
        self.refuse_device(self.maker.euicc(organization="Others Ltd"))

    def test_chains(self):
        device = self.maker.euicc()
        leaf, eum = device.chain
        other = Maker("other")
        self.world.trust(other.ci, "euicc")
        for chain in ([eum, leaf], [leaf, leaf], [leaf, self.maker.ci.der], [leaf, other.eum.der],
                      [leaf, eum, leaf], [leaf, eum, Maker("third").ci.der], [leaf, self.maker.ci.der, eum]):
            self.refuse_device(device, chain=chain)

    def test_issued_by_another_key(self):
        self.refuse_device(self.maker.euicc(signing_key=credentials.new_key()))

    def test_roles_and_usages(self):
        self.refuse_device(self.maker.euicc(role=2))
        self.refuse_device(self.maker.euicc(usage=("key_agreement",)))
        self.refuse_device(self.maker.euicc(ca=True, usage=("digital_signature", "key_cert_sign")))

    def test_validity(self):
        self.refuse_device(self.maker.euicc(days=(-10, -1)), "CERTIFICATE_EXPIRED")
        self.refuse_device(self.maker.euicc(days=(1, 10)), "CERTIFICATE_EXPIRED")

    def test_revoked(self):
        device = self.maker.euicc()
        revoke(self.world, self.maker.eum, device.holder)
        self.refuse_device(device, "CERTIFICATE_REVOKED")
        maker = Maker("revoked")
        self.world.trust(maker.ci, "euicc")
        euicc.attach(self.world, maker.euicc())
        revoke(self.world, maker.ci, maker.eum)
        self.refuse_device(maker.euicc(), "CERTIFICATE_REVOKED")

    def test_anchor_that_was_removed(self):
        maker = Maker("removed")
        self.world.trust(maker.ci, "euicc")
        euicc.attach(self.world, maker.euicc())
        device, exchange = self.begin(maker.euicc())
        fingerprint = maker.ci.certificate.fingerprint(euicc.hashes.SHA256()).hex()
        self.world.run("arpfctl", "trust", "remove", fingerprint)
        self.refuse(exchange, exchange.answer(device), "CERTIFICATE_UNTRUSTED")


class Times(AttachCase):
    settings = {"attach.attach_s": 77, "attach.pdu_session_s": 88, "attach.dnn": "first.steps",
                "attach.allowed_destinations": "192.0.2.1:443  dp.example:8443",
                "attach.provisioning_server": "https://dp.example:8443/"}

    def test_settings_and_the_session_s_end(self):
        device = self.maker.euicc()
        exchange = begin_attach(self.world, device)
        body = exchange.answer(device)
        began = int(time.time())
        answer = authenticate(self.world, exchange, body)
        session = self.accepted(exchange, answer)
        said = answer.json["pduSession"]
        self.assertTrue(began + 88 <= said["expiresAt"] <= time.time() + 88, said)
        self.assertEqual(("first.steps", ["192.0.2.1:443", "dp.example:8443"]),
                         (said["dnn"], said["allowedDestinations"]))
        self.assertEqual("https://dp.example:8443/", answer.json["provisioningServer"])
        self.world.sql("UPDATE pdu_sessions SET expires_at = floor(extract(epoch FROM now()));"
                       " UPDATE device_attaches SET expires_at = floor(extract(epoch FROM now()))")
        self.assert_problem(self.session(session), 410, "SESSION_EXPIRED")
        self.assert_problem(self.session(session, "DELETE"), 410, "SESSION_EXPIRED")
        self.assert_problem(authenticate(self.world, exchange, body), 410, "SESSION_EXPIRED")

    def test_an_offer_s_end(self):
        device = self.maker.euicc()
        began = int(time.time())
        exchange = begin_attach(self.world, device)
        ends = int(self.world.sql("SELECT max(expires_at) FROM device_attaches WHERE scalar <> ''")[0][0])
        self.assertTrue(began + 77 <= ends <= time.time() + 77, ends)
        self.world.sql("UPDATE device_attaches SET expires_at = floor(extract(epoch FROM now()))")
        self.assert_problem(authenticate(self.world, exchange, exchange.answer(device)), 410, "SESSION_EXPIRED")


if __name__ == "__main__":
    world.main()
