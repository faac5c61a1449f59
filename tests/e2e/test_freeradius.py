#!/usr/bin/python3
"""Attach with device credentials by way of FreeRADIUS (deploy/freeradius): its real server, and eapol_test before it."""
import os
import re
import shutil
import signal
import time
import unittest

from cryptography.hazmat.primitives.asymmetric import rsa

import euicc
import headless_device
import radius
import world
from euicc import Maker, eid_of
from radius import (CLASS, FILTER_ID, FRAMED_POOL, NAS_FILTER_RULE, SESSION_TIMEOUT, USER_NAME)

PATH = "/ncp-attach/v1/aaa-authorizations"


class RadiusCase(unittest.TestCase):
    """A server, FreeRADIUS before it, and a maker of eUICCs that both have been told of."""

    settings, tls = {"server.log_level": "debug"}, ""

    @classmethod
    def setUpClass(cls):
        why = radius.missing()
        if why:
            raise unittest.SkipTest(why)
        cls.world = world.World(cls.__name__, cls.settings, tls=cls.tls)
        cls.addClassCleanup(cls.world.end)
        cls.radius = radius.Radius(cls.world)
        cls.addClassCleanup(cls.radius.stop)
        cls.maker = Maker()
        cls.world.trust(cls.maker.ci, "euicc")
        cls.radius.list_issuer("maker", cls.maker.eum)
        cls.radius.renew_trust()
        cls.radius.start()

    @staticmethod
    def chain_of(device, maker):
        return device.holder.pem + maker.eum.pem

    def ask(self, device, chain=None, **changes):
        return self.radius.authenticate(
            device.key, chain or self.chain_of(device, self.maker), **changes)

    def accept(self, device, chain=None, **changes):
        """Its attributes, each of one value but for the rules."""
        outcome = self.ask(device, chain, **changes)
        self.assertTrue(outcome.is_accepted, outcome)
        return {number: values if number == NAS_FILTER_RULE else values[0]
                for number, values in outcome.attributes.items()}

    def refusals(self):
        return re.findall(r"event=transaction_refused procedure=aaa-authorization .*outcome=(\w+)",
                          self.world.log())

    def reject(self, cause, device, chain=None, **changes):
        """cause: what arpfd said of it; None: it was not asked, or was not there."""
        before = len(self.refusals())
        outcome = self.ask(device, chain, **changes)
        self.assertTrue(outcome.is_rejected, outcome)
        for number in (USER_NAME, CLASS, SESSION_TIMEOUT, NAS_FILTER_RULE, FILTER_ID, FRAMED_POOL):
            self.assertNotIn(number, outcome.attributes)
        if cause is not None:
            world.wait_until(lambda: len(self.refusals()) > before, 5, "the refusal is logged")
        self.assertEqual([cause] if cause else [], self.refusals()[before:])

    def session(self, attributes):
        return self.world.request("GET", euicc.SESSIONS + "/" + attributes[CLASS].decode())


class Accepted(RadiusCase):
    def check(self, attributes, subject):
        self.assertEqual(subject, attributes[USER_NAME].decode())
        self.assertEqual(600, int.from_bytes(attributes[SESSION_TIMEOUT], "big"))
        self.assertEqual(b"provisioning", attributes[FRAMED_POOL])
        self.assertNotIn(FILTER_ID, attributes)
        shown = self.session(attributes)
        self.assertEqual(200, shown.status, shown)
        self.assertEqual((subject, "provisioning"), (shown.json["subject"], shown.json["dnn"]))
        self.assertAlmostEqual(time.time() + 600, shown.json["expiresAt"], delta=30)
        rules = b"".join(attributes[NAS_FILTER_RULE]).rstrip(b"\0").decode().split("\0")
        expected = []
        for destination in shown.json["allowedDestinations"]:
            host, port = destination.rsplit(":", 1)
            expected += ["permit in tcp from assigned to %s %s" % (host, port),
                         "permit out tcp from %s %s to assigned" % (host, port)]
        self.assertEqual(expected, rules)
        self.assertGreater(len(rules), 0)

    def test_euicc(self):
        for tls in ("1.2", "1.3"):
            device = self.maker.euicc()
            self.check(self.accept(device, tls=tls), device.eid)

    def test_euicc_whose_maker_is_not_constrained(self):
        maker = Maker("Free", ein=None)
        self.world.trust(maker.ci, "euicc")
        self.radius.list_issuer("free", maker.eum)
        self.radius.renew_trust()  # found without a restart
        device = maker.euicc()
        self.check(self.accept(device, self.chain_of(device, maker)), device.eid)

    def test_supplicant_that_sends_its_own_certificate_alone(self):
        device = self.maker.euicc()
        self.check(self.accept(device, device.holder.pem), device.eid)

    def test_devices_of_other_makers(self):
        for maker in (headless_device.Maker("ec"), headless_device.Maker("rsa", rsa_bits=2048)):
            self.world.trust(maker.root, "device")
            self.radius.list_issuer(maker.root.name.rdns[0].rfc4514_string(), maker.issuing)
            self.radius.renew_trust()
            key = maker.new_key()
            device = maker.device(key)
            self.check(self.accept(device, device.pem_chain), device.device_id)

    def test_device_right_below_its_anchor(self):
        maker = headless_device.Maker("direct")
        self.world.trust(maker.root, "device")
        self.radius.renew_trust()
        device = headless_device.Device(maker, maker.new_key(), issuer=maker.root)
        self.check(self.accept(device, device.holder.pem), device.device_id)

    def test_profile_download_behind_it(self):
        """The session is an attach as any other, and ends with the installed profile."""
        device = self.maker.euicc()
        attributes = self.accept(device)
        exchange = euicc.begin_download(self.world, device)
        answer = euicc.ask_profile(self.world, exchange, exchange.answer(device))
        self.assertEqual(200, answer.status, answer)
        euicc.open_profile(exchange, answer.json)
        self.assertEqual(204, euicc.notify(self.world, exchange).status)
        self.assertEqual(410, self.session(attributes).status)

    def test_again(self):
        """The later session is the device's."""
        device = self.maker.euicc()
        first, second = self.accept(device), self.accept(device)
        self.assertNotEqual(first[CLASS], second[CLASS])
        self.assertEqual(404, self.session(first).status)
        self.check(second, device.eid)

    def test_nothing_is_left(self):
        self.accept(self.maker.euicc())
        self.assertEqual([], os.listdir(self.radius.path("run", "arpf")))


class Refused(RadiusCase):
    def test_unknown_ca(self):
        """FreeRADIUS has not heard of it, and does not ask."""
        maker = Maker("Stranger")
        device = maker.euicc()
        self.reject(None, device, self.chain_of(device, maker))
        self.reject(None, device, self.chain_of(device, maker), tls="1.3")

    def test_ca_of_the_same_name(self):
        """Names are not keys: the listed manufacturer's, with another key."""
        forged = Maker()
        forged.eum = euicc.Certified(
            [(a.oid, a.value) for a in self.maker.eum.name], self.maker.ci, ca=True,
            usage=("key_cert_sign",), role=2, signing_key=forged.ci.key)
        device = forged.euicc(eid_of(self.maker.ein + "0" * 22))
        self.reject(None, device, self.chain_of(device, forged))

    def test_listed_but_not_trusted(self):
        """FreeRADIUS lists the issuer; this server's anchors have the say."""
        maker = Maker("Unagreed")
        self.radius.list_issuer("unagreed", maker.eum)
        self.radius.renew_trust()
        device = maker.euicc()
        self.reject("CERTIFICATE_UNTRUSTED", device, self.chain_of(device, maker))

    def test_revoked_serial(self):
        device, other = self.maker.euicc(), self.maker.euicc()
        self.accept(device)
        euicc.revoke(self.world, self.maker.eum, device.holder)
        self.reject("CERTIFICATE_REVOKED", device)
        self.reject("CERTIFICATE_REVOKED", device, tls="1.3")
        self.accept(other)

    def test_revoked_manufacturer(self):
        maker = Maker("Revoked")
        self.world.trust(maker.ci, "euicc")
        self.radius.list_issuer("revoked", maker.eum)
        self.radius.renew_trust()
        device = maker.euicc()
        self.accept(device, self.chain_of(device, maker))
        euicc.revoke(self.world, maker.ci, maker.eum)
        self.reject("CERTIFICATE_REVOKED", device, self.chain_of(device, maker))

    def test_anchor_removed(self):
        maker = Maker("Removed")
        self.world.trust(maker.ci, "euicc")
        self.radius.list_issuer("removed", maker.eum)
        self.radius.renew_trust()
        device = maker.euicc()
        chain = self.chain_of(device, maker)
        self.accept(device, chain)
        fingerprint = maker.ci.certificate.fingerprint(maker.ci.certificate.signature_hash_algorithm).hex()
        self.world.run("arpfctl", "trust", "remove", fingerprint)
        self.reject("CERTIFICATE_UNTRUSTED", device, chain)
        self.world.trust(maker.ci, "euicc")
        self.accept(device, chain)

    def test_eid_of_another_manufacturer(self):
        """What FreeRADIUS cannot see: the EUM's name constraints as SGP.22 means them."""
        self.reject("CERTIFICATE_UNTRUSTED", self.maker.euicc(eid_of("7" * 30)))

    def test_eid_under_an_anchor_for_devices(self):
        """Nor may another maker's CA give out EIDs."""
        maker = headless_device.Maker("usurper")
        self.world.trust(maker.root, "device")
        self.radius.list_issuer("usurper", maker.issuing)
        self.radius.renew_trust()
        for key in (maker.new_key(), rsa.generate_private_key(public_exponent=65537, key_size=2048)):
            device = maker.device(key, device_id=self.maker.euicc().eid)
            self.reject("CERTIFICATE_UNTRUSTED", device, device.pem_chain)

    def test_expired(self):
        self.reject(None, self.maker.euicc(days=(-3, -1)))

    def test_certificate_too_large_to_be_shown(self):
        """It goes no further than FreeRADIUS, which serves the next one all the same."""
        device = self.maker.euicc(organization="x" * 4000)
        self.reject(None, device)
        self.accept(self.maker.euicc())

    def test_other_methods(self):
        for method in ("MD5", "PEAP", "TTLS"):
            self.reject(None, self.maker.euicc(), method=method)
        self.accept(self.maker.euicc())


class Down(RadiusCase):
    def test_server_is_down(self):
        """Nobody is let in while nobody says that he may; and then at once."""
        self.accept(self.maker.euicc())
        self.world.kill_arpfd()
        self.reject(None, self.maker.euicc())
        self.world.start()
        self.accept(self.maker.euicc())

    def test_database_is_down(self):
        self.world.stop_postgres()
        self.reject("DATABASE_UNAVAILABLE", self.maker.euicc())
        self.world.start_postgres()
        end = time.monotonic() + 30
        while not self.ask(self.maker.euicc()).is_accepted:
            self.assertLess(time.monotonic(), end)

    def test_freeradius_starts_before_the_server(self):
        self.world.kill_arpfd()
        self.assertEqual(0, self.radius.stop())
        self.radius.start()
        self.world.start()
        self.accept(self.maker.euicc())

    def test_filter_by_name(self):
        """Destinations that RADIUS has no rules for: the access network knows them by the session's filter."""
        self.world.kill_arpfd(signal.SIGTERM)
        self.world.set({"attach.allowed_destinations": "profiles.example.org:443 192.0.2.7:443",
                        "attach.dnn": "restricted", "attach.pdu_session_s": "77"})
        self.addCleanup(self.world.set, self.settings)
        self.world.start()
        attributes = self.accept(self.maker.euicc())
        self.assertEqual((b"restricted", b"restricted"), (attributes[FILTER_ID], attributes[FRAMED_POOL]))
        self.assertNotIn(NAS_FILTER_RULE, attributes)
        self.assertEqual(77, int.from_bytes(attributes[SESSION_TIMEOUT], "big"))


class Tls(RadiusCase):
    """arpfd asks for a certificate, and looks at its role."""

    tls = "1"

    def use(self, role):
        for name in (role + ".pem", role + ".key", "ca.pem"):
            shutil.copy(os.path.join(self.world.path("tls"), name), os.path.join(self.radius.raddb, "arpf/tls"))
        with open(os.path.join(self.radius.raddb, "arpf/tls.conf.example")) as f:
            radius.write(os.path.join(self.radius.raddb, "arpf/tls.conf"),
                         f.read().replace("tls/device-gateway.", "tls/%s." % role))
        self.assertEqual(0, self.radius.stop())
        self.radius.start()

    def test_roles(self):
        self.reject(None, self.maker.euicc())
        self.use("device-gateway")
        self.accept(self.maker.euicc())
        self.use("ausf")
        self.reject(None, self.maker.euicc())


class Requests(world.WorldCase):
    """The API as any AAA server may use it."""

    def ask(self, **body):
        return self.world.request("POST", PATH, body)

    def test_bad_bodies(self):
        der = Maker().euicc().chain[0]
        self.assert_problem(self.ask(), 400, "MISSING_PARAMETER", "certificateChain")
        for chain in (b"", b"x", der[:-1], der + b"\0", der * 4, der + der[:40]):
            self.assert_problem(self.ask(certificateChain=euicc.b64(chain)), 400, "INVALID_PARAMETER",
                                "certificateChain")
        for chain in (5, [euicc.b64(der)], "*"):
            self.assert_problem(self.ask(certificateChain=chain), 400, "INVALID_PARAMETER", "certificateChain")
        self.assert_problem(self.ask(certificateChain=euicc.b64(b"\x30\x03\x02\x01\x00")), 400,
                            "INVALID_PARAMETER", "certificateChain")

    def test_chains(self):
        maker = Maker()
        self.world.trust(maker.ci, "euicc")
        device = maker.euicc()
        leaf, eum = device.chain
        good = self.ask(certificateChain=euicc.b64(leaf + eum))
        self.assertEqual(200, good.status, good)
        self.assertEqual(200, self.ask(certificateChain=euicc.b64(leaf + eum + maker.ci.der)).status)
        for chain in (leaf, eum + leaf, leaf + leaf, leaf + eum + Maker().ci.der):
            self.assert_problem(self.ask(certificateChain=euicc.b64(chain)), 403, "CERTIFICATE_UNTRUSTED")
        expired = maker.euicc(days=(-3, -1))
        self.assert_problem(self.ask(certificateChain=euicc.b64(b"".join(expired.chain))), 403,
                            "CERTIFICATE_EXPIRED")


if __name__ == "__main__":
    world.main()
