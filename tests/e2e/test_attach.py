#!/usr/bin/python3
"""Initial attach from 0-a to 7, as an independent client sees it."""
import hashlib
import threading

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

import credentials
import protocol
import world

CONTEXTS = "/nausf-initial-attach/v1/contexts"


class Certificate(world.WorldCase):
    def test_key_id_is_the_hash_of_the_public_key(self):
        self.assertEqual(hashlib.sha256(protocol.spki(self.arpf.ecka.public_key())).digest(),
                         self.arpf.key_id)
        self.assertRegex(self.arpf.said["keyId"], "^[0-9a-f]{64}$")

    def test_both_certificates_come_from_the_demo_ca(self):
        with open(self.world.path("ca/ca.pem"), "rb") as f:
            ca = world.x509.load_pem_x509_certificate(f.read())
        for certificate in (self.arpf.ecka, self.arpf.sign):
            self.assertEqual(ca.subject, certificate.issuer)
            try:
                ca.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes,
                                       ec.ECDSA(certificate.signature_hash_algorithm))
            except InvalidSignature:
                self.fail("not signed by the CA")
        self.assertIn(ca.public_bytes(Encoding.DER),
                      [c.public_bytes(Encoding.DER) for c in self.arpf.chain])

    def test_suites(self):
        self.assertIn("ecdsa-p256-sha256", self.arpf.said["suites"])


class Attach(world.WorldCase):
    def device(self, **changes):
        return self.issuer.device(self.arpf, **changes)

    def test_straight_path(self):
        device = self.device()
        answer = self.world.attach(device)
        self.assertEqual("READY", answer.json["state"])
        supi = self.assert_attached(device, answer)
        self.assertTrue(supi.startswith("imsi-00101"))

    def test_untagged_token(self):
        device = self.issuer.device()
        device.make_token(self.arpf, tagged=False)
        self.assert_attached(device, self.world.attach(device))

    def test_unknown_members_are_ignored(self):
        device = self.device()
        self.assert_attached(device, self.world.attach(device, more={"deep": [1, {"x": None}]}))

    def test_repeating_gives_the_same_with_200(self):
        device = self.device()
        supi = self.assert_attached(device, self.world.attach(device))
        for _ in range(3):
            self.assertEqual(supi, self.assert_attached(device, self.world.attach(device), 200))

    def test_many_at_once_bind_once(self):
        device, answers = self.device(), []
        threads = [threading.Thread(target=lambda: answers.append(self.world.attach(device)))
                   for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual([200] * 19 + [201], sorted(a.status for a in answers))
        self.assertEqual(1, len({a.json["supi"] for a in answers}))

    def test_two_tokens_race_for_one_dimsi(self):
        first = self.device()
        second = credentials.Device(self.issuer.pn, self.issuer.ci, first.dimsi, "SE-other")
        second.make_token(self.arpf)
        answers = {}
        threads = [threading.Thread(target=lambda d=d: answers.__setitem__(d, self.world.attach(d)))
                   for d in (first, second)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        won, lost = sorted(answers, key=lambda d: answers[d].status)
        self.assert_attached(won, answers[won])
        self.assert_problem(answers[lost], 409, "DIMSI_IN_USE")

    def test_another_token_for_a_bound_dimsi(self):
        device = self.device()
        self.assertEqual(201, self.world.attach(device).status)
        device.make_token(self.arpf)
        self.assert_problem(self.world.attach(device), 409, "DIMSI_IN_USE")

    def test_states(self):
        device = self.device()
        said = self.world.attach(device).json
        path = CONTEXTS + "/" + device.dimsi
        read = self.world.request("GET", path)
        self.assertEqual(200, read.status, read)
        for member in ("dimsi", "supi", "seId", "state"):
            self.assertEqual(said[member], read.json[member])
        first = self.world.authenticate(device.dimsi)
        self.assertEqual("VECTORS_SENT", self.world.request("GET", path).json["state"])
        self.assertEqual(first.json, self.world.authenticate(device.dimsi).json)

    def test_release(self):
        device = self.device()
        supi = self.assert_attached(device, self.world.attach(device))
        path = CONTEXTS + "/" + device.dimsi
        released = self.world.request("DELETE", path)
        self.assertEqual((204, b""), (released.status, released.body), released)
        self.assert_problem(self.world.authenticate(device.dimsi), 404, "DIMSI_NOT_FOUND")
        self.assertIn(self.world.request("DELETE", path).status, (204, 404))
        again = self.device()
        again.dimsi = device.dimsi
        again.make_token(self.arpf)
        self.assertNotEqual(supi, self.assert_attached(again, self.world.attach(again)))

    def test_never_attached(self):
        for method in ("GET", "DELETE"):
            self.assert_problem(self.world.request(method, CONTEXTS + "/001999999999999"), 404,
                                "DIMSI_NOT_FOUND")
        self.assert_problem(self.world.authenticate("001999999999999"), 404, "DIMSI_NOT_FOUND")

    def test_a_dimsi_that_is_none(self):
        for text in ("00199", "00199000000000x", "0019900000000001"):
            self.assert_problem(self.world.request("GET", CONTEXTS + "/" + text), 400,
                                "INVALID_PARAMETER")

    def test_batch(self):
        devices = [self.device() for _ in range(100)]
        devices[7].atk = devices[8].atk[:-1] + bytes([devices[8].atk[-1] ^ 1])
        items = [{"seCredentials": d.credentials()} for d in devices]
        items[30] = {"seCredentials": 5}
        items[31] = {}
        items[32] = "not an object"
        items[33] = items[34]
        answer = self.world.request("POST", CONTEXTS + "/batch", {"items": items})
        self.assertEqual(200, answer.status, answer)
        results = answer.json["results"]
        self.assertEqual(len(devices), len(results))
        bad = {7: (403, "SIGNATURE_INVALID"), 30: (400, None), 31: (400, "MISSING_PARAMETER"),
               32: (400, None)}
        for i, (device, result) in enumerate(zip(devices, results)):
            if i in bad:
                self.assertEqual(bad[i][0], result["status"], result)
                self.assertIn(bad[i][1] or result["cause"], result["cause"])
                self.assertIsInstance(result["detail"], str)
            elif i in (33, 34):
                self.assertIn(result["status"], (200, 201))
                self.check_context(devices[34], result, self.arpf)
            else:
                self.assertEqual(201, result["status"], result)
                self.check_context(device, result, self.arpf)
        self.assertEqual(1, len({results[i]["supi"] for i in (33, 34)}))
        again = self.world.request("POST", CONTEXTS + "/batch", {"items": items}).json["results"]
        for before, after in zip(results, again):
            self.assertEqual({200: 200, 201: 200}.get(before["status"], before["status"]),
                             after["status"])
            self.assertEqual(before.get("supi"), after.get("supi"))

    def test_signatures_are_shared(self):
        devices = [self.device() for _ in range(200)]
        results = self.world.request("POST", CONTEXTS + "/batch", {
            "items": [{"seCredentials": d.credentials()} for d in devices]}).json["results"]
        sizes = {r["endorsement"]["treeSize"] for r in results}
        self.assertGreater(max(sizes), 1)
        for device, result in zip(devices, results):
            world.check_endorsement(device, result["endorsement"], self.arpf)

    def test_batch_limits(self):
        empty = self.world.request("POST", CONTEXTS + "/batch", {"items": []})
        self.assertIn(empty.status, (200, 400), empty)
        device = self.device()
        one = {"seCredentials": device.credentials()}
        self.assertEqual(200, self.world.request("POST", CONTEXTS + "/batch", {"items": [one] * 1000}).status)
        self.assert_problem(
            self.world.request("POST", CONTEXTS + "/batch", {"items": [one] * 1001}), 400,
            "INVALID_PARAMETER", "items")
        self.assert_problem(self.world.request("POST", CONTEXTS + "/batch", {}), 400, "MISSING_PARAMETER")


class ThirdPartyArpf(world.WorldCase):
    """4.3: the server as somebody else's ARPF."""

    def ask(self, device, recipient, **changes):
        return self.world.request("POST", "/narpf-ek/v1/ek-requests", {
            "seCredentials": device.credentials(**changes),
            "recipientPublicKey": protocol.b64(recipient)})

    def test_ek_for_the_target_ausf(self):
        device, recipient = self.issuer.device(self.arpf), credentials.new_key()
        answer = self.ask(device, protocol.point(recipient.public_key()))
        self.assertEqual(200, answer.status, answer)
        said = answer.json
        self.assertEqual((device.dimsi, device.se_id), (said["dimsi"], said["seId"]))
        self.assertEqual(device.ek, protocol.open_ecies(recipient, said["ek"]))
        world.check_endorsement(device, said["endorsement"], self.arpf)
        self.assert_problem(self.world.authenticate(device.dimsi), 404, "DIMSI_NOT_FOUND")
        again = self.ask(device, protocol.point(recipient.public_key()))
        self.assertEqual(200, again.status)
        self.assertEqual(device.ek, protocol.open_ecies(recipient, again.json["ek"]))
        self.assertNotEqual(said["ek"], again.json["ek"])

    def test_recipient_that_is_no_point(self):
        device = self.issuer.device(self.arpf)
        good = protocol.point(credentials.new_key().public_key())
        for bad in (credentials.off_curve(good), b"\0", bytes(65), good[:-1], good + b"\0", b"",
                    b"\2" + good[1:33], b"\6" + good[1:], b"\4" + b"\xff" * 64):
            self.assert_problem(self.ask(device, bad), 400, "INVALID_PARAMETER", "recipientPublicKey")

    def test_refusals_are_those_of_attach(self):
        device = self.issuer.device(self.arpf)
        recipient = protocol.point(credentials.new_key().public_key())
        self.assert_problem(self.ask(device, recipient, certCi=credentials.make_ci().der), 403,
                            "CERTIFICATE_UNTRUSTED")
        self.assert_problem(self.ask(device, recipient, atk=device.atk[:-1] + bytes([device.atk[-1] ^ 1])),
                            403, "SIGNATURE_INVALID")
        self.assert_problem(self.ask(device, recipient, certSe=None), 400, "MISSING_PARAMETER")


class DAusf(world.WorldCase):
    """4.5: the pair of another server's device."""

    PAIR = {"supi": "imsi-001010000000077", "rand": "0F" * 16, "autn": "a5" * 16}

    def put(self, dimsi, **changes):
        pair = {k: v for k, v in {**self.PAIR, **changes}.items() if v is not None}
        return self.world.request("PUT", "/ndausf-auth/v1/" + dimsi, pair)

    def test_put_then_ask(self):
        for pair in ({}, {}, {"rand": "11" * 16}):
            self.assertEqual(204, self.put("001990000000077", **pair).status)
            said = self.world.authenticate("001990000000077")
            self.assertEqual(200, said.status, said)
            self.assertEqual(pair.get("rand", "0f" * 16), said.json["rand"])
            self.assertEqual("a5" * 16, said.json["autn"])

    def test_put_refused(self):
        for changes, cause, param in (
                ({"rand": None}, "MISSING_PARAMETER", "rand"),
                ({"autn": None}, "MISSING_PARAMETER", "autn"),
                ({"supi": None}, "MISSING_PARAMETER", "supi"),
                ({"rand": "0f" * 15}, "INVALID_PARAMETER", "rand"),
                ({"rand": "0f" * 17}, "INVALID_PARAMETER", "rand"),
                ({"autn": "zz" * 16}, "INVALID_PARAMETER", "autn"),
                ({"autn": 7}, "INVALID_PARAMETER", "autn"),
                ({"supi": "001010000000077"}, "INVALID_PARAMETER", "supi"),
                ({"supi": "imsi-1"}, "INVALID_PARAMETER", "supi")):
            self.assert_problem(self.put("001990000000078", **changes), 400, cause, param)
        self.assert_problem(self.put("001010000000078"), 400, "INVALID_PARAMETER")
        self.assert_problem(self.world.authenticate("001990000000078"), 404, "DIMSI_NOT_FOUND")

    def test_serving_network_name_is_needed(self):
        self.assertEqual(204, self.put("001990000000079").status)
        path = "/ndausf-auth/v1/001990000000079/security-information/generate-auth-data"
        self.assert_problem(self.world.request("POST", path, {}), 400, "MISSING_PARAMETER",
                            "servingNetworkName")
        self.assert_problem(self.world.request("POST", path, {"servingNetworkName": 5}), 400,
                            "INVALID_PARAMETER", "servingNetworkName")


if __name__ == "__main__":
    world.main()
