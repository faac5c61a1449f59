#!/usr/bin/python3
"""Companion DH with identity-based signature (docs/protocol.md section 7), good and bad."""
import os
import threading

import dh_device
import protocol
import world
from dh_device import GROUPS, PRIMES, REQUESTS, Device
from protocol import b64
from test_authentication import AuthCase
from usim import Companion, ask_vector


class CompanionCase(AuthCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.parameters = cls.world.request("GET", "/narpf-companion/v1/ibs-parameters").json

    def setUp(self):
        self.companion = Companion(self.world, "imsi-0010188%08d" % (int.from_bytes(os.urandom(4), "big") % 10**8))
        answer = self.companion.register()
        self.assertEqual(200, answer.status, answer)

    def provision(self, device, status=201):
        answer = device.ask(self.companion)
        self.assertEqual(status, answer.status, answer)
        device.take(answer.json, self.parameters)
        return answer.json

    def finish(self, device):
        answer = device.confirm(self.world)
        self.assertEqual(200, answer.status, answer)
        return device.finish(answer.json)

    def refuse(self, answer, status, cause, param=None):
        self.assert_problem(answer, status, cause, param)


class Straight(CompanionCase):
    def test_parameters(self):
        self.assertEqual("eccsi-p256-sha256", self.parameters["suite"])
        dh_device.decode(protocol.unb64(self.parameters["kpak"]))
        self.assertRegex(self.parameters["signerId"], r"^\d{4}-\d\d .")

    def test_every_group_ends_in_5g_aka(self):
        for group in GROUPS:
            with self.subTest(group):
                device = Device(group)
                self.provision(device)
                card = self.finish(device)
                card.accept(self.vector(card.supi))
                said = self.vector(device.nai)
                self.assertEqual(card.supi, said["supi"])
                card.accept(said)
                card.accept(self.vector(device.nai.replace("@", "%40")))

    def test_repeating_the_request(self):
        device = Device()
        first = self.provision(device)
        again = self.provision(device, 200)
        self.assertEqual((first["accessId"], first["b"]), (again["accessId"], again["b"]))
        card = self.finish(device)
        self.provision(device, 200)
        card.accept(self.vector(card.supi))

    def test_repeating_the_confirmation(self):
        device = Device()
        self.provision(device)
        first, again = device.confirm(self.world), device.confirm(self.world)
        self.assertEqual((200, 200), (first.status, again.status), again)
        self.assertEqual(first.json, again.json)

    def test_nobody_before_the_confirmation(self):
        device = Device()
        self.provision(device)
        self.assertEqual(404, ask_vector(self.world, device.nai).status)

    def test_many_at_once(self):
        devices, errors = [Device() for _ in range(60)], []

        def one(device):
            try:
                self.provision(device)
                card = self.finish(device)
                card.accept(self.vector(card.supi))
            except Exception as e:
                errors.append(e)

        threads = [threading.Thread(target=one, args=(d,)) for d in devices]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual([], errors[:3])

    def test_same_request_many_times_at_once(self):
        device, answers = Device(), []
        body = device.request(self.companion)
        threads = [threading.Thread(target=lambda: answers.append(self.world.request("POST", REQUESTS, body)))
                   for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual([200] * 19 + [201], sorted(a.status for a in answers), answers)
        self.assertEqual(1, len({(a.json["accessId"], a.json["b"]) for a in answers}))

    def test_same_confirmation_many_times_at_once(self):
        device, answers = Device(), []
        self.provision(device)
        threads = [threading.Thread(target=lambda: answers.append(device.confirm(self.world)))
                   for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual({200}, {a.status for a in answers}, answers)
        self.assertEqual(1, len({a.json["supi"] for a in answers}))

    def test_binding_show(self):
        device = Device()
        self.provision(device)
        card = self.finish(device)
        for name in (device.access_id.hex(), card.supi):
            done = self.world.run("arpfctl", "binding", "show", name)
            self.assertIn(device.device_id, done.stdout)


class Refused(CompanionCase):
    def test_wrong_mac_before_anything_else(self):
        bad = b64(os.urandom(32))
        device = Device()
        for changes in ({}, {"group": "p521"}, {"a": b64(b"\4" + bytes(64))}, {"a": b64(b"")}, {"a": b64(bytes(300))},
                        {"pType": "SOMETHING"}, {"deviceId": "no/such*form"}):
            self.refuse(device.ask(self.companion, signed=changes, mac1=bad), 403, "MAC_INVALID")
        self.refuse(device.ask(self.companion, deviceId="another"), 403, "MAC_INVALID")
        self.refuse(device.ask(self.companion, mac1=b64(bytes(31))), 403, "MAC_INVALID")

    def test_every_member_is_covered(self):
        device = Device("ffdhe2048")
        for changes in ({"deviceId": "x"}, {"group": "ffdhe3072"}, {"a": b64(b"\1" + device.a[1:])}):
            self.refuse(device.ask(self.companion, **changes), 403, "MAC_INVALID")

    def test_elements(self):
        for group in ("ffdhe2048", "ffdhe3072"):
            p, size = PRIMES[group], 256 if group == "ffdhe2048" else 384
            outside = next(n for n in range(3, 50) if pow(n, (p - 1) // 2, p) != 1)
            device = Device(group)
            for n in (0, 1, p - 1, p, p + 1, 2 ** (8 * size) - 1, outside):
                self.refuse(device.ask(self.companion, signed={"a": b64(n.to_bytes(size, "big"))}),
                            400, "INVALID_PARAMETER", "a")
            for a in (b"", device.a[1:], b"\0" + device.a, device.a[:32]):
                self.refuse(device.ask(self.companion, signed={"a": b64(a)}), 400, "INVALID_PARAMETER", "a")

    def test_points(self):
        device = Device("p256")
        x, y = device.a[1:33], device.a[33:]
        for a in (b"\0", b"\4" + bytes(64), b"\4" + x + x, b"\2" + x, b"\6" + x + y, b"\4" + b"\xff" * 64,
                  device.a + b"\0", device.a[:-1], b"\5" + x + y):
            self.refuse(device.ask(self.companion, signed={"a": b64(a)}), 400, "INVALID_PARAMETER", "a")

    def test_low_order_x25519(self):
        low = ["00" * 32, "01" + "00" * 31,
               "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
               "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
               "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
               "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
               "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"]
        for text in low:
            self.refuse(Device("x25519").ask(self.companion, signed={"a": b64(bytes.fromhex(text))}),
                        400, "INVALID_PARAMETER", "a")
        for a in (b"", bytes(31), bytes(33)):
            self.refuse(Device("x25519").ask(self.companion, signed={"a": b64(a)}),
                        400, "INVALID_PARAMETER", "a")

    def test_names(self):
        device = Device()
        for group in ("P256", "ffdhe4096", "secp256r1", "p256 ", "modp2048"):
            self.refuse(device.ask(self.companion, signed={"group": group}), 400, "INVALID_PARAMETER", "group")
        for name in ("a b", "x/y", "é"):
            self.refuse(device.ask(self.companion, signed={"deviceId": name}),
                        400, "INVALID_PARAMETER", "deviceId")
        self.refuse(device.ask(self.companion, signed={"pType": "iot_credential_request"}),
                    400, "INVALID_PARAMETER", "pType")

    def test_shapes(self):
        device = Device()
        good = device.request(self.companion)
        for member in good:
            self.refuse(self.world.request("POST", REQUESTS, {k: v for k, v in good.items() if k != member}),
                        400, "MISSING_PARAMETER", member)
            for wrong in (5, [], {}, True):
                self.refuse(self.world.request("POST", REQUESTS, {**good, member: wrong}),
                            400, "INVALID_PARAMETER", member)
        self.refuse(self.world.request("POST", REQUESTS, {**good, "deviceId": "x" * 65}),
                    400, "INVALID_PARAMETER", "deviceId")

    def test_sessions(self):
        device = Device()
        stranger = Companion(self.world, "imsi-001018800000000")
        self.refuse(device.ask(stranger), 404, "SESSION_NOT_FOUND")
        old = self.companion.akid, self.companion.k
        self.companion.renew()
        self.companion.register()
        new = self.companion.akid, self.companion.k
        self.companion.akid, self.companion.k = old
        self.refuse(device.ask(self.companion), 404, "SESSION_NOT_FOUND")
        self.companion.akid, self.companion.k = new
        self.assertEqual(201, device.ask(self.companion).status)
        self.companion.remove()
        self.refuse(device.ask(self.companion), 404, "SESSION_NOT_FOUND")

    def test_another_companions_key(self):
        other = Companion(self.world, "imsi-001018899999999")
        other.register()
        mine = self.companion.akid
        self.companion.akid = other.akid
        self.refuse(Device().ask(self.companion), 403, "MAC_INVALID")
        self.companion.akid = mine


class Confirmation(CompanionCase):
    def path(self, access_id):
        return "%s/%s/confirmation" % (REQUESTS, access_id)

    def test_three_wrong_ones_revoke(self):
        device = Device()
        self.provision(device)
        for _ in range(3):
            self.refuse(device.confirm(self.world, mac2=b64(os.urandom(32))), 403, "MAC_INVALID")
        self.refuse(device.confirm(self.world), 403, "CREDENTIAL_REVOKED")
        self.refuse(device.ask(self.companion), 403, "CREDENTIAL_REVOKED")
        self.assertEqual(404, ask_vector(self.world, device.nai).status)

    def test_two_wrong_ones_do_not(self):
        device = Device()
        self.provision(device)
        for _ in range(2):
            self.refuse(device.confirm(self.world, mac2=b64(bytes(16))), 403, "MAC_INVALID")
        self.finish(device)

    def test_unknown(self):
        device = Device()
        self.provision(device)
        known, device.access_id = device.access_id, os.urandom(16)
        self.refuse(device.confirm(self.world), 404, "ACCESS_ID_NOT_FOUND")
        device.access_id = known
        for name in ("00", "zz" * 16, "0" * 33):
            answer = self.world.request("POST", self.path(name), device.confirmation())
            self.assertIn(answer.status, (400, 404), answer)
        self.finish(device)

    def test_another_devices_id(self):
        device, other = Device(), Device()
        self.provision(device)
        self.provision(other)
        mine, device.device_id = device.device_id, other.device_id
        self.assertIn(device.confirm(self.world).status, (400, 403))
        device.device_id = mine
        self.finish(device)

    def test_shapes(self):
        device = Device()
        self.provision(device)
        good = device.confirmation()
        path = self.path(device.access_id.hex())
        for member in good:
            self.refuse(self.world.request("POST", path, {k: v for k, v in good.items() if k != member}),
                        400, "MISSING_PARAMETER", member)
            self.refuse(self.world.request("POST", path, {**good, member: 7}), 400, "INVALID_PARAMETER", member)
        self.finish(device)


class Expiry(CompanionCase):
    settings = {"subscriptions.confirmation_s": "77"}

    def expire(self, device):
        """Its time is over; how long that was to be."""
        return self.world.sql(
            "WITH before AS (SELECT expires_at - created_at AS s, access_id FROM access_ids WHERE access_id = '\\x%s')"
            " UPDATE access_ids a SET expires_at = floor(extract(epoch FROM now())) FROM before b"
            " WHERE a.access_id = b.access_id RETURNING b.s" % device.access_id.hex())

    def test_unconfirmed_expires_and_can_be_asked_for_again(self):
        device = Device()
        first = self.provision(device)
        self.assertEqual([["77"]], self.expire(device))
        self.refuse(device.confirm(self.world), 403, "CREDENTIAL_EXPIRED")
        again = self.provision(device)
        self.assertEqual(first["accessId"], again["accessId"])
        self.assertNotEqual(first["b"], again["b"])
        self.finish(device)

    def test_a_late_repeat_finds_the_key_gone(self):
        device = Device()
        self.provision(device)
        card = self.finish(device)
        self.expire(device)
        world.wait_until(lambda: self.world.sql(
            "SELECT count(*) FROM access_ids WHERE kdm <> '' AND imsi = %d" % int(card.supi[5:]))[0][0] == "0",
            90, "KDm is swept")
        self.refuse(device.confirm(self.world), 409, "CONFLICT")
        card.accept(self.vector(card.supi))


class SessionEnds(CompanionCase):
    settings = {"subscriptions.session_lifetime_s": "77"}

    def test_expired(self):
        self.assertEqual(201, Device().ask(self.companion).status)
        left = self.world.sql("SELECT expires_at - floor(extract(epoch FROM now())) FROM companion_sessions")
        self.assertTrue(all(int(s) <= 77 for s, in left), left)
        self.world.sql("UPDATE companion_sessions SET expires_at = floor(extract(epoch FROM now()))")
        self.refuse(Device().ask(self.companion), 410, "SESSION_EXPIRED")


class Optional(CompanionCase):
    settings = {"subscriptions.confirmation": "optional", "subscriptions.ibs_suite": "ecdsa-p256-sha256"}

    def test_wrong_macs_do_not_end_a_subscription(self):
        device = Device()
        said = self.provision(device)
        for _ in range(4):
            self.refuse(device.confirm(self.world, mac2=b64(os.urandom(32))), 403, "MAC_INVALID")
        card = self.finish(device)
        self.assertEqual(said["supi"], card.supi)
        card.accept(self.vector(card.supi))

    def test_subscription_at_once(self):
        self.assertEqual("ecdsa-p256-sha256", self.parameters["suite"])
        device = Device("x25519")
        said = self.provision(device)
        self.assertRegex(said["supi"], r"^imsi-\d{15}$")
        self.assertEqual(said["supi"], self.provision(device, 200)["supi"])
        card = self.finish(device)
        self.assertEqual(said["supi"], card.supi)
        card.accept(self.vector(device.nai))


if __name__ == "__main__":
    world.main()
