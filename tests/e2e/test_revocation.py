#!/usr/bin/python3
"""CRLs, good and bad, over HTTP and by arpfctl; what they and removed anchors mean for devices, on every server."""
import datetime
import json
import os
import resource
import select
import socket
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

import credentials
import euicc
import headless_device
import protocol
import world
from credentials import der_element
from replica import Replica

CRLS = "/admin/v1/crls"


class Crl:
    """Of `issuer` (a name and a key); from_s and to_s: seconds from now; part: its distribution point."""

    numbers = 100

    def __init__(self, issuer, serials=(), from_s=-60, to_s=86400, number=None, delta=False, key=None,
                 part=None):
        Crl.numbers += 1
        now = datetime.datetime.utcnow().replace(microsecond=0)
        builder = (x509.CertificateRevocationListBuilder().issuer_name(issuer.name)
                   .last_update(now + datetime.timedelta(seconds=from_s))
                   .next_update(now + datetime.timedelta(seconds=to_s))
                   .add_extension(x509.CRLNumber(number or Crl.numbers), critical=False))
        if delta:
            builder = builder.add_extension(x509.DeltaCRLIndicator(1), critical=True)
        if part:
            builder = builder.add_extension(x509.IssuingDistributionPoint(
                [x509.UniformResourceIdentifier(part)], None, False, False, None, False, False), critical=True)
        for serial in serials:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build())
        made = builder.sign(key or issuer.key, hashes.SHA256())
        self.der, self.pem = (made.public_bytes(e) for e in (Encoding.DER, Encoding.PEM))
        self.next_update = now + datetime.timedelta(seconds=to_s)


def large_crl(issuer, count):
    """Written by hand: a builder would take a minute. Returns the CRL and its last serial."""
    def number(n):
        return der_element(2, n.to_bytes(16, "big"))

    def moment(seconds):
        at = datetime.datetime.utcnow() + datetime.timedelta(seconds=seconds)
        return der_element(0x17, at.strftime("%y%m%d%H%M%SZ").encode())

    now, first = moment(0), int.from_bytes(b"\x51" + os.urandom(11), "big") << 32
    entries = b"".join(der_element(0x30, number(first + i) + now) for i in range(count))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    tbs = der_element(0x30, b"\2\1\1" + algorithm + issuer.name.public_bytes() + moment(-60) + moment(3600)
                      + der_element(0x30, entries))
    signature = issuer.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return der_element(0x30, tbs + algorithm + der_element(3, b"\0" + signature)), first + count - 1


class CrlCase(world.WorldCase):
    is_rough = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pn = credentials.make_pn(cls.issuer.ci, name="PN that revokes", usage=("key_cert_sign", "crl_sign"))
        cls.issuer.pn = cls.pn

    def post(self, der, issuer=None, member="crl"):
        body = {member: der.decode() if member == "crlPem" else protocol.b64(der)}
        if issuer is not None:
            body["issuer"] = protocol.b64(issuer.der)
        return self.world.request("POST", CRLS, body)

    def listed(self):
        return self.world.request("GET", CRLS).json["items"]

    def revoked(self):
        return int(self.world.sql("SELECT count(*) FROM revocations")[0][0])

    def write(self, content, name="list.crl"):
        path = self.world.path(name)
        with open(path, "wb") as f:
            f.write(content)
        return path


class Good(CrlCase):
    dimsis = 1990009000001

    def device_of(self, pn, ci):
        """With a token, and attached to nothing."""
        Good.dimsis += 1
        device = credentials.Device(pn, ci, "%015d" % Good.dimsis)
        device.make_token(self.arpf)
        return device

    def test_over_http(self):
        devices = [self.issuer.device(self.arpf) for _ in range(3)]
        crl = Crl(self.pn, [d.se.serial for d in devices[:2]])
        answer = self.post(crl.der, self.pn)
        self.assertEqual(201, answer.status, answer)
        said = answer.json
        self.assertEqual((2, 2, "CN=PN that revokes"), (said["entries"], said["added"], said["issuer"]))
        self.assertEqual(crl.next_update.strftime("%Y-%m-%dT%H:%M:%SZ"), said["nextUpdate"])
        listed = [c for c in self.listed() if c["issuerHash"] == said["issuerHash"]]
        self.assertEqual([said["crlNumber"]], [c["crlNumber"] for c in listed])
        for device in devices[:2]:
            self.assert_problem(self.world.attach(device), 403, "CERTIFICATE_REVOKED")
        self.assert_attached(devices[2], self.world.attach(devices[2]))

        again = self.post(crl.pem, self.pn, "crlPem")
        self.assertEqual((200, 0), (again.status, again.json["added"]), again)
        older = Crl(self.pn, [devices[2].se.serial], number=1)
        self.assert_problem(self.post(older.der, self.pn), 409, "CONFLICT")
        self.assert_attached(devices[2], self.world.attach(devices[2]), 200)
        # what a newer one leaves out stays revoked
        newer = self.post(Crl(self.pn).der, self.pn)
        self.assertEqual((201, 0), (newer.status, newer.json["added"]), newer)
        self.assert_problem(self.world.attach(devices[0]), 403, "CERTIFICATE_REVOKED")

    def test_of_an_anchor(self):
        """Its certificate need not be given; the CA below it is revoked with all that it issued."""
        ci = credentials.make_ci("CI of a CRL")
        self.world.trust(ci)
        pn = credentials.make_pn(ci)
        device = self.device_of(pn, ci)
        self.assert_attached(device, self.world.attach(device))
        path = self.write(Crl(ci, [pn.serial]).pem)
        said = json.loads(self.world.run("arpfctl", "--json", "revoke", "crl", path).stdout)
        self.assertEqual((1, 1), (said["entries"], said["added"]))
        self.assert_problem(self.world.attach(device), 403, "CERTIFICATE_REVOKED")
        listed = self.world.run("arpfctl", "revoke", "crls").stdout
        self.assertIn(said["issuerHash"], listed)
        self.assertIn(said["nextUpdate"], listed)

    def test_of_another_key(self):
        """Two CAs of one name, or one with a new key, begin their numbers anew, and each speaks for itself."""
        old, new = credentials.make_ci("CI with two keys"), credentials.make_ci("CI with two keys")
        self.world.trust(old)
        self.world.trust(new)
        of_old, of_new = devices = [self.device_of(credentials.make_pn(ci), ci) for ci in (old, new)]
        self.assertEqual(201, self.post(Crl(old, [4711], to_s=15, number=1 << 150).der).status)
        for device in devices:
            self.assert_attached(device, self.world.attach(device))
        world.wait_until(lambda: self.world.attach(of_old).status == 403, 15, "the old key's CRL is out of date")
        self.assert_problem(self.world.attach(of_old), 403, "CERTIFICATE_UNTRUSTED")
        self.assert_attached(of_new, self.world.attach(of_new), 200)
        # another's, and later, says nothing of the old one's; but one serial may be revoked under both
        answer = self.post(Crl(new, [4711, of_old.pn.serial], number=1).der)
        self.assertEqual((201, 2), (answer.status, answer.json["added"]))
        self.assert_problem(self.world.attach(of_old), 403, "CERTIFICATE_UNTRUSTED")
        self.assertEqual(201, self.post(Crl(old, number=(1 << 150) + 1).der).status)
        for device in devices:
            self.assert_attached(device, self.world.attach(device), 200)
        self.assertEqual([64, 32], [int(row[0]) for row in self.world.sql(
            "SELECT length(issuer_keys) FROM revocations WHERE encode(issuer_hash, 'hex') = '%s' ORDER BY 1 DESC"
            % answer.json["issuerHash"])])
        # by hand, too, the file says under which
        for ci, refused in ((new, ()), (old, (of_old,))):
            self.world.run("arpfctl", "revoke", "certificate", "--issuer", self.write(ci.pem, "ci.pem"),
                           "--serial", "%040x" % of_old.pn.serial)
            for device in devices:
                self.assertEqual(403 if device in refused else 200, self.world.attach(device).status)
        self.assert_problem(self.world.attach(of_old), 403, "CERTIFICATE_REVOKED")
        # the stale CRL of an anchor that is gone is about nobody else either
        self.assertEqual(201, self.post(Crl(old, to_s=12, number=(1 << 150) + 2).der).status)
        self.world.run("arpfctl", "trust", "remove", old.certificate.fingerprint(hashes.SHA256()).hex())
        time.sleep(14)
        self.assert_problem(self.world.attach(of_old), 403, "CERTIFICATE_UNTRUSTED")
        self.assert_attached(of_new, self.world.attach(of_new), 200)

    def test_of_a_new_key_below_an_anchor(self):
        """One CA, and its name is all that counts: what a key has signed is about the other as well."""
        old, new = (credentials.make_pn(self.issuer.ci, name="PN with two keys", usage=("key_cert_sign", "crl_sign"))
                    for _ in range(2))
        devices = [self.device_of(pn, self.issuer.ci) for pn in (old, new)]
        self.assertEqual(201, self.post(Crl(old, from_s=-90, to_s=15).der, old).status)
        for device in devices:
            self.assert_attached(device, self.world.attach(device))
        world.wait_until(lambda: self.world.attach(devices[1]).status == 403, 15, "the old key's CRL is out of date")
        self.assert_problem(self.world.attach(devices[0]), 403, "CERTIFICATE_UNTRUSTED")
        self.assertEqual(201, self.post(Crl(new, [devices[0].se.serial]).der, new).status)
        self.assert_problem(self.world.attach(devices[0]), 403, "CERTIFICATE_REVOKED")
        self.assert_attached(devices[1], self.world.attach(devices[1]), 200)

    def test_of_a_ca_with_an_rsa_key(self):
        """Devices' CAs may have such keys."""
        root = headless_device.Maker(rsa_bits=2048).root
        self.world.trust(root, "device")
        answer = self.post(Crl(root, [77]).der)
        self.assertEqual(201, answer.status, answer)
        self.world.run("arpfctl", "revoke", "certificate", "--issuer", self.write(root.pem, "root.pem"),
                       "--serial", "4E")
        self.assertEqual([["4d"], ["4e"]], self.world.sql(
            "SELECT encode(serial, 'hex') FROM revocations WHERE encode(issuer_hash, 'hex') = '%s' ORDER BY 1"
            % answer.json["issuerHash"]))

    def test_many_entries(self):
        der, last = large_crl(self.pn, 100000)
        device = self.issuer.device(self.arpf, se_id="SE-of-many",
                                    se=credentials.make_se(self.pn, "SE-of-many", serial=last))
        self.assert_attached(device, self.world.attach(device))
        done = self.world.run("arpfctl", "revoke", "crl", self.write(der), "--issuer",
                              self.write(self.pn.pem, "pn.pem"))
        self.assertIn("100000 listed, 100000 of them new", done.stdout)
        self.assert_problem(self.world.attach(device), 403, "CERTIFICATE_REVOKED")


class Bad(CrlCase):
    def cases(self):
        """What is wrong, status, cause, a word of the reason, the issuer that is given."""
        serial = [self.issuer.device().se.serial]
        other = credentials.make_ci("Somebody else")
        forged = credentials.make_pn(self.issuer.ci, name="PN that revokes", usage=("key_cert_sign", "crl_sign"))
        mute = credentials.make_pn(self.issuer.ci, name="PN that revokes", key=self.pn.key)
        changed = bytearray(Crl(self.pn, serial).der)
        changed[len(changed) // 2] ^= 1
        return (
            (Crl(self.pn, serial, -60, -1).der, 403, "CERTIFICATE_EXPIRED", "nextUpdate", self.pn),
            (Crl(self.pn, serial, 60).der, 403, "CERTIFICATE_EXPIRED", "future", self.pn),
            (Crl(self.pn, serial).der, 403, "CERTIFICATE_UNTRUSTED", "another issuer", other),
            (Crl(self.pn, serial).der, 403, "SIGNATURE_INVALID", "signature", forged),
            (Crl(self.pn, serial).der, 403, "CERTIFICATE_UNTRUSTED", "signs CRLs", mute),
            (Crl(self.pn, serial, key=forged.key).der, 403, "SIGNATURE_INVALID", "signature", self.pn),
            (Crl(self.pn, serial).der, 403, "CERTIFICATE_UNTRUSTED", "No trust anchor", None),
            (Crl(self.issuer.ci, serial, key=forged.key).der, 403, "SIGNATURE_INVALID", "signature", None),
            (bytes(changed), 0, ("INVALID_PARAMETER", "SIGNATURE_INVALID", "CERTIFICATE_UNTRUSTED"), "", self.pn),
            (Crl(self.pn, serial, delta=True).der, 400, "INVALID_PARAMETER", "delta", self.pn),
            (Crl(self.pn, serial).der[:-1], 400, "INVALID_PARAMETER", "no CRL", self.pn),
            (Crl(self.pn, serial).der + b"\0", 400, "INVALID_PARAMETER", "no CRL", self.pn),
            (self.pn.der, 400, "INVALID_PARAMETER", "no CRL", self.pn),
        )

    def test_refused(self):
        """And nothing of it has been taken."""
        before = (self.listed(), self.revoked())
        for number, (der, status, cause, reason, issuer) in enumerate(self.cases()):
            with self.subTest(number, reason=reason):
                answer = self.post(der, issuer)
                if isinstance(cause, tuple):
                    self.assertIn(self.cause_of(answer), cause)
                else:
                    self.assert_problem(answer, status, cause)
                    self.assertIn(reason, answer.body.decode())
                options = ["--issuer", self.write(issuer.pem, "issuer.pem")] if issuer else []
                done = self.world.run("arpfctl", "revoke", "crl", self.write(der), *options, check=False)
                self.assertEqual((1, ""), (done.returncode, done.stdout))
                self.assertIn(self.cause_of(answer), done.stderr)
                self.assertIn(reason, done.stderr)
        self.assertEqual(before, (self.listed(), self.revoked()))

    def server_peak(self):
        """Its peak memory in KiB."""
        with open("/proc/%d/status" % self.world.arpfd_pid()) as f:
            return int(next(line for line in f if line.startswith("VmHWM")).split()[1])

    def test_100_mb(self):
        path = self.world.path("huge.crl")
        with open(path, "wb") as f:
            f.write(b"\x30\x84\x05\xf5\xe0\xfa")
            f.truncate(100000000)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        for arguments, options in (([path], {}), (["-"], {"stdin": open(path, "rb")})):
            done = self.run_arpfctl("revoke", "crl", *arguments, **options)
            self.assertEqual(1, done.returncode)
            self.assertIn("PAYLOAD_TOO_LARGE", done.stderr)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self.assertLess(peak, max(before, 100 * 1024), "KiB")

    def run_arpfctl(self, *arguments, stdin=None):
        done = subprocess.run([self.world.program("arpfctl"), *arguments], env=self.world.environment,
                              stdin=stdin or subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        if stdin:
            stdin.close()
        return done

    def test_100_mb_over_http(self):
        """One that announces its length is answered; one that does not is cut off where that is more."""
        peak = self.server_peak()
        self.assertIn(b" 413 ", self.pour(b"Content-Length: 100000000", None)[0])
        answer, sent = self.pour(b"Transfer-Encoding: chunked", b"10000\r\n" + b"A" * 65536 + b"\r\n")
        self.assertRegex(answer, b"^(HTTP/1.1 413 .*|)$")
        self.assertLess(sent, 64 << 20)
        self.assertLess(self.server_peak() - peak, 64 * 1024, "KiB")
        device = self.issuer.device(self.arpf)
        self.assert_attached(device, self.world.attach(device))

    def pour(self, head, piece):
        """Sends 100 MB of a body (None: but announces it) until it is answered or cut off: the answer's first
        line, and how much was sent."""
        sent, answer = 0, b""
        with socket.create_connection(("127.0.0.1", self.world.port), world.PATIENCE_S) as s:
            s.sendall(b"POST %s HTTP/1.1\r\nHost: arpf\r\nContent-Type: application/json\r\n%s\r\n\r\n"
                      % (CRLS.encode(), head))
            try:
                while piece and sent < 100000000 and not select.select([s], [], [], 0)[0]:
                    s.sendall(piece)
                    sent += len(piece)
                answer = s.recv(65536).split(b"\r\n", 1)[0]
            except ConnectionError:
                pass
        return answer, sent

    def test_between_the_limits(self):
        """What fits a body, but is more than is taken of a CRL."""
        body = {"crl": protocol.b64(b"\x30\x83\x5b\x90\x00" + bytes(0x5b9000))}
        self.assert_problem(self.world.request("POST", CRLS, body), 413, "PAYLOAD_TOO_LARGE")


class Stale(CrlCase):
    def test_closes_an_attach(self):
        device, late = (self.issuer.device(self.arpf) for _ in range(2))
        self.assertEqual(201, self.post(Crl(self.pn, to_s=15).der, self.pn).status)
        self.assert_attached(device, self.world.attach(device))
        world.wait_until(lambda: self.world.attach(device).status == 403, 15, "the CRL is out of date")
        answer = self.world.attach(late)
        self.assert_problem(answer, 403, "CERTIFICATE_UNTRUSTED")
        self.assertIn("out of date", answer.json["detail"])
        # another issuer's devices are none of its
        other = world.Issuer(self.world)
        free = other.device(self.arpf)
        self.assert_attached(free, self.world.attach(free))
        # and a fresh one opens the door again
        self.assertEqual(201, self.post(Crl(self.pn).der, self.pn).status)
        self.assert_attached(device, self.world.attach(device), 200)
        self.assert_attached(late, self.world.attach(late))


class Moved(CrlCase):
    """The CA has another distribution point: of the old one nothing newer will ever come."""

    def numbers(self):
        return [c["number"] for c in self.listed()]

    def test_the_old_one_is_removed(self):
        device, revoked = (self.issuer.device(self.arpf) for _ in range(2))
        old = Crl(self.pn, [revoked.se.serial], to_s=15, part="http://old.example/pn.crl")
        self.assertEqual(201, self.post(old.der, self.pn).status)
        self.assertEqual(201, self.post(Crl(self.pn, part="http://new.example/pn.crl").der, self.pn).status)
        self.assert_attached(device, self.world.attach(device))
        world.wait_until(lambda: self.world.attach(device).status == 403, 15, "the old CRL is out of date")
        self.assert_problem(self.world.attach(device), 403, "CERTIFICATE_UNTRUSTED")

        gone, kept = self.listed()
        self.assertEqual(old.next_update.strftime("%Y-%m-%dT%H:%M:%SZ"), gone["nextUpdate"])
        shown = [line.split()[0] for line in self.world.run("arpfctl", "revoke", "crls").stdout.splitlines()]
        self.assertEqual(["NUMBER", str(gone["number"]), str(kept["number"])], shown)
        done = self.world.run("arpfctl", "revoke", "remove-crl", str(gone["number"]))
        self.assertEqual("", done.stdout)
        self.assert_attached(device, self.world.attach(device), 200)
        self.assert_problem(self.world.attach(revoked), 403, "CERTIFICATE_REVOKED")
        self.assertEqual([kept["number"]], self.numbers())
        events = self.world.request("GET", "/admin/v1/audit/events?action=CRL_REMOVED").json["items"]
        of_key = "%s key %s" % (gone["issuerHash"], gone["issuerKeyHash"])
        self.assertEqual([of_key], [e["detail"] for e in events])

        path = "%s/%d" % (CRLS, gone["number"])
        self.assert_problem(self.world.request("DELETE", path), 404, "RESOURCE_NOT_FOUND")
        self.assert_problem(self.world.request("DELETE", CRLS + "/x"), 400, "INVALID_PARAMETER", "number")
        done = self.world.run("arpfctl", "revoke", "remove-crl", str(gone["number"]), check=False)
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertIn("RESOURCE_NOT_FOUND", done.stderr)
        self.assertEqual([kept["number"]], self.numbers())
        # without any, the issuer is one of which no CRL was given
        answer = self.world.request("DELETE", "%s/%d" % (CRLS, kept["number"]))
        self.assertEqual((200, {"number": kept["number"], "issuerHash": kept["issuerHash"],
                                "issuerKeyHash": kept["issuerKeyHash"], "left": 0}), (answer.status, answer.json))
        events = self.world.request("GET", "/admin/v1/audit/events?action=CRL_REMOVED").json["items"]
        self.assertEqual({of_key, of_key + " last"}, {e["detail"] for e in events})
        self.assertRegex(self.world.log(), "event=crl_last_removed issuer=%s key=%s"
                         % (kept["issuerHash"], kept["issuerKeyHash"]))
        self.assertEqual([], self.numbers())
        self.assert_attached(device, self.world.attach(device), 200)
        self.assert_problem(self.world.attach(revoked), 403, "CERTIFICATE_REVOKED")
        self.assertEqual(201, self.post(Crl(self.pn).der, self.pn).status)
        done = self.world.run("arpfctl", "revoke", "remove-crl", str(self.numbers()[0]))
        self.assertRegex(done.stdout, "last CRL .*%s" % kept["issuerHash"])


class StaleAndOpen(CrlCase):
    settings = {"trust.stale_crl": "open"}

    def test_lets_an_attach_pass(self):
        device, revoked = (self.issuer.device(self.arpf) for _ in range(2))
        self.assertEqual(201, self.post(Crl(self.pn, [revoked.se.serial], to_s=8).der, self.pn).status)
        time.sleep(10)
        self.assert_attached(device, self.world.attach(device))
        self.assert_problem(self.world.attach(revoked), 403, "CERTIFICATE_REVOKED")


class Replicas(CrlCase):
    """A change of trust by one server is another's at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.replica = Replica(cls.world)
        cls.addClassCleanup(cls.replica.end)

    def wait_for(self, attach, cause):
        def is_refused():
            answer = attach()
            return answer.status == 403 and self.cause_of(answer) == cause
        world.wait_until(is_refused, 5, "the other server refuses")

    def test_removed_euicc_anchor(self):
        maker = euicc.Maker()
        self.world.trust(maker.ci, "euicc")

        def attach(server):
            device = maker.euicc()
            exchange = euicc.begin_attach(server, device)
            return euicc.authenticate(server, exchange, exchange.answer(device))
        world.wait_until(lambda: attach(self.replica).status == 200, 10, "the other server trusts it")
        self.assertEqual(200, attach(self.world).status)
        fingerprint = maker.ci.certificate.fingerprint(hashes.SHA256()).hex()
        self.world.run("arpfctl", "trust", "remove", fingerprint)
        self.assert_problem(attach(self.world), 403, "CERTIFICATE_UNTRUSTED")
        self.wait_for(lambda: attach(self.replica), "CERTIFICATE_UNTRUSTED")

    def test_crl(self):
        device = self.issuer.device(self.arpf)

        def attach():
            return self.replica.request("POST", "/nausf-initial-attach/v1/contexts",
                                        {"seCredentials": device.credentials()})
        world.wait_until(lambda: attach().status in (200, 201), 10, "the other server knows the anchor")
        self.assertEqual(201, self.post(Crl(self.pn, [device.se.serial]).der, self.pn).status)
        self.wait_for(attach, "CERTIFICATE_REVOKED")


if __name__ == "__main__":
    world.main()
