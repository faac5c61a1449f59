#!/usr/bin/python3
"""A headless device on a companion's subscription (docs/protocol.md section 8), good and bad."""
import os
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

import credentials
import headless_device
import protocol
import world
from headless_device import ADDITIONS, DER, PEM, PKCS7, Device, Maker, Web, ask
from test_authentication import AuthCase, add_subscriber
from usim import Companion, ask_vector


class HeadlessCase(AuthCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.web = Web()
        cls.addClassCleanup(cls.web.close)
        cls.maker = Maker()
        cls.trust(cls.maker)

    @classmethod
    def trust(cls, maker, use="device"):
        cls.world.trust(maker.root, use)

    def setUp(self):
        self.companion = self.new_companion()

    def new_companion(self):
        supi = "imsi-0010166%08d" % (int.from_bytes(os.urandom(4), "big") % 10**8)
        companion = Companion(self.world, supi, add_subscriber(self.world, supi))
        self.assertEqual(200, companion.register().status)
        return companion

    def add(self, device, url=None, status=201, companion=None):
        companion = companion or self.companion
        answer = ask(companion, url or self.web.serve(device))
        self.assertEqual(status, answer.status, answer)
        return device.install(answer.json, companion, self.arpf.sign)

    def refuse(self, url, status, cause, param=None):
        self.assert_problem(ask(self.companion, url), status, cause, param)


class Straight(HeadlessCase):
    def test_device_ends_in_5g_aka(self):
        device = self.maker.device()
        card = self.add(device)
        card.accept(self.vector(card.supi))
        card.accept(self.vector(device.nai))
        shown = self.world.run("arpfctl", "binding", "show", card.supi).stdout
        self.assertIn(device.device_id, shown)
        self.assertIn(self.companion.supi[5:], shown)

    def test_k_prime_by_its_formula(self):
        """K' from the companion's K, with the n1 that only the database has."""
        device = self.maker.device()
        self.add(device)
        n1 = bytes.fromhex(self.world.sql("SELECT encode(n1, 'hex') FROM headless_devices WHERE device_id = '%s'"
                                          % device.device_id)[0][0])
        self.assertEqual(headless_device.k_prime_of(
            self.companion.usim.k, self.companion.supi, device, n1), device.k_prime)

    def test_rsa(self):
        maker = Maker("rsa maker", rsa_bits=2048)
        self.trust(maker)
        for bits in (2048, 3072, 4096):
            device = maker.device(rsa.generate_private_key(public_exponent=65537, key_size=bits))
            card = self.add(device)
            card.accept(self.vector(card.supi))

    def test_k_prime_is_of_the_companions_key(self):
        """Two devices of one companion, and one of another: three different K'."""
        devices = [self.maker.device() for _ in range(3)]
        other = self.new_companion()
        for device, companion in zip(devices, (self.companion, self.companion, other)):
            self.add(device, companion=companion)
        self.assertEqual(3, len({d.k_prime for d in devices}))

    def test_der_and_pkcs7(self):
        direct = Maker("direct")
        self.trust(direct)
        device = Device(direct, credentials.new_key(), issuer=direct.root)
        self.add(device, self.web.put("/der", device.holder.der, DER))
        device = self.maker.device()
        self.add(device, self.web.put("/p7", device.pkcs7, PKCS7 + "; smime-type=certs-only"))

    def test_root_in_the_chain_is_allowed(self):
        device = self.maker.device()
        self.add(device, self.web.put("/whole", device.pem_chain + self.maker.root.pem))

    def test_again_by_the_same_owner(self):
        device = self.maker.device()
        url = self.web.serve(device)
        first = self.add(device, url)
        k_prime, access_id = device.k_prime, device.access_id
        again = self.add(device, url, 200)
        self.assertEqual((first.supi, first.k, first.opc, k_prime, access_id),
                         (again.supi, again.k, again.opc, device.k_prime, device.access_id))
        self.companion.renew()
        self.companion.register()
        self.assertEqual(first.k, self.add(device, url, 200).k)
        first.accept(self.vector(first.supi))

    def test_another_owner(self):
        device = self.maker.device()
        url = self.web.serve(device)
        self.add(device, url)
        self.assert_problem(ask(self.new_companion(), url), 409, "DEVICE_IN_USE")

    def test_fresh_answers_are_cached(self):
        device = self.maker.device()
        url = self.web.serve(device, Cache_Control="max-age=60")
        before = len(self.web.asked)
        self.add(device, url)
        self.add(device, url, 200)
        self.assertEqual(1, len(self.web.asked) - before)
        device = self.maker.device()
        url = self.web.serve(device, Cache_Control="no-store")
        before = len(self.web.asked)
        self.add(device, url)
        self.add(device, url, 200)
        self.assertEqual(2, len(self.web.asked) - before)

    def test_redirects(self):
        device = self.maker.device()
        end = self.web.serve(device)
        for i in range(3):
            end = self.web.put("/to%d" % i, b"", status=(301, 302, 307)[i], Location=end)
        self.add(device, end)


class Certificates(HeadlessCase):
    def refuse_device(self, device, cause="CERTIFICATE_UNTRUSTED", chain=None):
        self.refuse(self.web.put("/bad", chain or device.pem_chain), 403, cause)

    def test_not_anchored(self):
        stranger = Maker("stranger")
        self.refuse_device(stranger.device())

    def test_anchor_of_another_use(self):
        maker = Maker("se maker")
        self.trust(maker, "se")
        self.refuse_device(maker.device())

    def test_validity(self):
        self.refuse_device(self.maker.device(days=(-10, -1)), "CERTIFICATE_EXPIRED")
        self.refuse_device(self.maker.device(days=(1, 10)), "CERTIFICATE_EXPIRED")

    def test_revoked(self):
        maker = Maker("revoking")
        self.trust(maker)
        device = maker.device()
        path = self.world.path("issuing.pem")
        with open(path, "wb") as f:
            f.write(maker.issuing.pem)
        self.world.run("arpfctl", "revoke", "certificate", "--issuer", path,
                       "--serial", "%x" % device.holder.certificate.serial_number)
        self.refuse_device(device, "CERTIFICATE_REVOKED")

    def test_wrong_device_id_in_the_url(self):
        device = self.maker.device()
        self.refuse(self.web.put("/DeviceID=another", device.pem_chain), 403, "CERTIFICATE_UNTRUSTED")
        self.refuse(self.web.put("/x?DeviceID=another", device.pem_chain), 403, "CERTIFICATE_UNTRUSTED")
        self.add(device, self.web.put("/x?DeviceID=" + device.device_id, device.pem_chain))

    def test_chains(self):
        device, other = self.maker.device(), self.maker.device()
        leaf, issuing, root = device.holder.pem, self.maker.issuing.pem, self.maker.root.pem
        for chain in (issuing + leaf, leaf + root, leaf, leaf + issuing + other.holder.pem, leaf + leaf + issuing,
                      leaf + issuing + issuing, leaf + root + issuing, issuing, root,
                      leaf + issuing + Maker("x").root.pem):
            self.refuse_device(device, chain=chain)
        self.refuse(self.web.put("/many", leaf + issuing * 20), 502, "CERTIFICATE_FETCH_FAILED")

    def test_subjects(self):
        good = {NameOID.ORGANIZATION_NAME: "Acme", NameOID.ORGANIZATIONAL_UNIT_NAME: "M",
                NameOID.SERIAL_NUMBER: "dev-1"}
        for oid in good:
            subject = [x509.NameAttribute(o, v) for o, v in good.items() if o != oid]
            self.refuse_device(self.maker.device(subject=subject))
            doubled = [x509.NameAttribute(o, v) for o, v in good.items()] + [x509.NameAttribute(oid, "twice")]
            self.refuse_device(self.maker.device(subject=doubled))
        for name in ("a b", "x/y", "x" * 64 + "y"):
            try:
                device = self.maker.device(device_id=name)
            except ValueError:
                continue  # too long for a serialNumber already
            self.refuse_device(device)

    def test_keys(self):
        self.refuse_device(self.maker.device(rsa.generate_private_key(public_exponent=65537, key_size=1024)))
        p384 = headless_device.ec.generate_private_key(headless_device.ec.SECP384R1())
        self.refuse_device(self.maker.device(p384))
        self.refuse_device(self.maker.device(ca=True))

    def test_sha1(self):
        maker = Maker("rsa sha1", rsa_bits=2048)
        self.trust(maker)
        try:
            device = maker.device(signing_hash=hashes.SHA1())
        except Exception as e:
            self.skipTest("this library signs no SHA-1: %s" % e)
        self.refuse_device(device)


class Urls(HeadlessCase):
    def test_policy(self):
        before = len(self.web.asked)
        port = self.web.port
        for url in ("https://127.0.0.1:%d/x" % port, "http://localhost:%d/x" % port, "ftp://127.0.0.1/x",
                    "file:///etc/passwd", "gopher://127.0.0.1:%d/x" % port, "http://user@127.0.0.1:%d/x" % port,
                    "http://user:pass@127.0.0.1:%d/x" % port, "http://127.0.0.1:%d@example.org/" % port,
                    "http://2130706433:%d/x" % port, "http://0x7f.1:%d/x" % port, "http://0177.0.0.1:%d/x" % port,
                    "http://127.1:%d/x" % port, "http://[::1]:%d/x" % port, "http://[::ffff:127.0.0.1]:%d/x" % port,
                    "http://10.0.0.1/x", "http://169.254.169.254/latest/meta-data", "http://192.168.1.1/",
                    "http://0.0.0.0:%d/x" % port, "http://127.0.0.1:%d/a b" % port, "http://127.0.0.1.evil.example/",
                    "//127.0.0.1:%d/x" % port, "x", "http://", "dict://127.0.0.1:11211/stat",
                    "http://127.0.0.1:99999/x", "http://127.0.0.1:%d/x\r\nHost: y" % port,
                    "http://127.0.0.2:%d/x" % port, "http://example.org/DeviceID=1"):
            self.refuse(url, 400, "INVALID_PARAMETER", "deviceUrl")
        self.assertEqual(before, len(self.web.asked))

    def test_case_of_scheme_is_no_trick(self):
        device = self.maker.device()
        self.add(device, self.web.serve(device).replace("http://", "HTTP://"))

    def test_mac_before_anything(self):
        for url in (self.web.url("/x"), "ftp://nowhere/", "x"):
            before = len(self.web.asked)
            self.assert_problem(ask(self.companion, url, mac=protocol.b64(os.urandom(32))), 403, "MAC_INVALID")
            self.assertEqual(before, len(self.web.asked))
        self.assert_problem(ask(self.companion, self.web.url("/x"), mac=protocol.b64(b"short")), 403, "MAC_INVALID")
        device = self.maker.device()
        self.assert_problem(ask(self.companion, self.web.serve(device), deviceUrl=self.web.url("/other")),
                            403, "MAC_INVALID")

    def test_sessions(self):
        stranger = Companion(self.world, "imsi-001016600000001")
        self.assert_problem(ask(stranger, self.web.url("/x")), 404, "SESSION_NOT_FOUND")

    def test_companion_without_a_key(self):
        unknown = Companion(self.world, "imsi-001016600000002")
        self.assertEqual(200, unknown.register().status)
        self.assert_problem(ask(unknown, self.web.serve(self.maker.device())), 404, "USER_NOT_FOUND")

    def test_shapes(self):
        good = {"aKId": self.companion.akid, "deviceUrl": self.web.url("/x"), "mac": protocol.b64(bytes(32))}
        for member in good:
            self.assert_problem(
                self.world.request("POST", ADDITIONS, {k: v for k, v in good.items() if k != member}),
                400, "MISSING_PARAMETER", member)
            self.assert_problem(self.world.request("POST", ADDITIONS, {**good, member: 5}),
                                400, "INVALID_PARAMETER", member)
        self.assert_problem(
            self.world.request("POST", ADDITIONS, {**good, "deviceUrl": "http://127.0.0.1/" + "x" * 2000}),
            400, "INVALID_PARAMETER", "deviceUrl")


class Fetching(HeadlessCase):
    def fail(self, url):
        self.refuse(url, 502, "CERTIFICATE_FETCH_FAILED")

    def test_statuses_and_types(self):
        device = self.maker.device()
        self.fail(self.web.url("/nothing"))
        for status in (204, 206, 304, 403, 500):
            self.fail(self.web.put("/status", device.pem_chain, status=status))
        for kind in ("text/html", "application/octet-stream", "application/x-x509-ca-cert", "", DER, PKCS7):
            self.fail(self.web.put("/type", device.pem_chain, kind))
        self.fail(self.web.put("/type", device.holder.der, PEM))
        self.fail(self.web.put("/type", b"", PEM))
        self.fail(self.web.put("/type", b"\x30\x82\xff\xff" + bytes(100), DER))
        self.fail(self.web.put("/type", device.holder.der + b"\0", DER))
        self.fail(self.web.put("/type", device.holder.pem[:-40], PEM))

    def test_nobody_there(self):
        silent = Web()
        url = silent.url("/x")
        silent.close()
        self.fail(url)

    def test_redirects(self):
        device = self.maker.device()
        end = self.web.serve(device)
        for i in range(4):
            end = self.web.put("/far%d" % i, b"", status=302, Location=end)
        self.fail(end)
        self.fail(self.web.put("/loop", b"", status=302, Location=self.web.url("/loop")))
        before = len(self.web.asked)
        for target in ("http://localhost:%d/x" % self.web.port, "file:///etc/passwd", "http://169.254.169.254/",
                       "https://example.org/", "http://u@127.0.0.1:%d/x" % self.web.port, ""):
            self.fail(self.web.put("/out", b"", status=302, Location=target))
        self.assertEqual(6, len(self.web.asked) - before)

    def test_too_long(self):
        self.fail(self.web.put("/long", b"\n" * 70000))

        def endless(out):
            while True:
                out.write(b"\n" * 4096)

        self.fail(self.web.put("/endless", endless))

    def test_slow_drip(self):
        def drip(out):
            for _ in range(600):
                out.write(b"\n")
                out.flush()
                time.sleep(0.1)

        started = time.monotonic()
        self.fail(self.web.put("/drip", drip))
        self.assertLess(time.monotonic() - started, 45)  # it would drip for a minute
        device = self.maker.device()
        self.add(device)


if __name__ == "__main__":
    world.main()
