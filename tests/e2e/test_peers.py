#!/usr/bin/python3
"""4.4 with arpfUri: the server as Target AUSF of an ARPF that is good, slow, wrong or hostile."""
import os
import time

import fake_arpf
import protocol
import world

DEADLINE_S = 10


class Peers(world.WorldCase):
    settings = {"server.deadline_ms": DEADLINE_S * 1000}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.peer = fake_arpf.FakeArpf()
        cls.addClassCleanup(cls.peer.shutdown)
        cls.world.trust(cls.peer.ca, "arpf")

    def setUp(self):
        self.peer.twist = {}

    def device(self):
        device = self.issuer.device(self.peer)
        self.peer.devices[device.atk] = device
        return device

    def attach(self, device):
        return self.world.attach(device, arpfUri=self.peer.url)

    def refuse(self, expected, cause, /, **twist):
        device = self.device()
        self.peer.twist = {name.replace("_", " "): value for name, value in twist.items()}
        self.assert_problem(self.attach(device), expected, cause)
        self.assert_problem(self.world.authenticate(device.dimsi), 404, "DIMSI_NOT_FOUND")
        self.peer.twist = {}
        self.assert_attached(device, self.attach(device), arpf=self.peer)

    def test_good(self):
        device = self.device()
        supi = self.assert_attached(device, self.attach(device), arpf=self.peer)
        self.assertEqual(supi, self.assert_attached(device, self.attach(device), 200, arpf=self.peer))

    def test_trailing_slash(self):
        device = self.device()
        answer = self.world.attach(device, arpfUri=self.peer.url + "/")
        self.assert_attached(device, answer, arpf=self.peer)

    def test_batch(self):
        devices = [self.device() for _ in range(20)]
        answer = self.world.request("POST", "/nausf-initial-attach/v1/contexts/batch", {"items": [
            {"seCredentials": d.credentials(), "arpfUri": self.peer.url} for d in devices]})
        for device, result in zip(devices, answer.json["results"]):
            self.assertEqual(201, result["status"], result)
            self.check_context(device, result, self.peer)

    def test_slow(self):
        began = time.monotonic()
        self.refuse(504, "PEER_TIMEOUT", slow=world.PATIENCE_S)
        self.assertLess(time.monotonic() - began, world.PATIENCE_S)

    def test_no_answer_worth_the_name(self):
        for raw in (b"", b"{", b"[]", b"null", b"{}", b"[" * 10000, b"x" * 1000000, b'{"dimsi": 1, "dimsi": 2}'):
            self.refuse(502, "PEER_FAILED", raw=raw)

    def test_server_errors(self):
        for status in (500, 503, 404, 301, 401):
            self.refuse(502, "PEER_FAILED", status=status)

    def test_refusals_are_handed_on(self):
        for status, cause in ((403, "CERTIFICATE_UNTRUSTED"), (403, "CERTIFICATE_REVOKED"),
                              (403, "SIGNATURE_INVALID")):
            self.refuse(status, cause, status=status, cause=cause)

    def test_endorsements_that_do_not_hold(self):
        good = protocol.b64(bytes(32))
        self.refuse(502, "PEER_FAILED", signing_key=fake_arpf.credentials.new_key())
        self.refuse(502, "PEER_FAILED", endorsed_atk=b"another token")
        for changes in ({"signature": protocol.b64(bytes(64))}, {"signature": "AA=="}, {"treeSize": 4},
                        {"treeSize": 0}, {"leafIndex": 1}, {"leafIndex": 5}, {"leafIndex": -1}, {"path": []},
                        {"path": [good] * 3}, {"path": [good] * 5000}, {"path": "x"}, {"issuedAt": 1},
                        {"issuedAt": "now"}, {"suite": "none"}, {"signerId": "00" * 32}, {"signerId": 5}):
            self.refuse(502, "PEER_FAILED", endorsement=changes)

    def test_answers_for_another_device(self):
        other = self.device()
        for members in ({"dimsi": other.dimsi}, {"seId": "SE-other"}, {"dimsi": "001010000000001"},
                        {"dimsi": 5}, {"seId": None}, {"seId": "x" * 70000}):
            self.refuse(502, "PEER_FAILED", members=members)

    def test_ek_that_does_not_open(self):
        for sealed in ({}, {"scheme": "none"}, fake_arpf.seal(fake_arpf.credentials.new_key().public_key(),
                                                             os.urandom(32))):
            self.refuse(502, "PEER_FAILED", members={"ek": sealed})

    def test_certificate_of_an_unknown_ca(self):
        stranger = fake_arpf.FakeArpf()
        self.addCleanup(stranger.shutdown)
        device = self.issuer.device(stranger)
        stranger.devices[device.atk] = device
        answer = self.world.attach(device, arpfUri=stranger.url)
        self.assertIn((answer.status, self.cause_of(answer)),
                      ((502, "PEER_FAILED"), (403, "CERTIFICATE_UNTRUSTED")), answer)


if __name__ == "__main__":
    world.main()
