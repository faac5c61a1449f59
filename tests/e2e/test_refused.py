#!/usr/bin/python3
"""Every credential that must be refused, with its status and cause, and nothing left behind."""
import hashlib
import os

import credentials
import protocol
import world
from credentials import cbor


class Refused(world.WorldCase):
    def attach(self, device, **changes):
        return self.world.request("POST", "/nausf-initial-attach/v1/contexts",
                                  {"seCredentials": device.credentials(**changes)})

    def refuse(self, status, cause, device, param=None, **changes):
        self.assert_problem(self.attach(device, **changes), status, cause, param)
        self.assert_problem(self.world.authenticate(device.dimsi), 404, "DIMSI_NOT_FOUND")

    def device(self, **changes):
        return self.issuer.device(self.arpf, **changes)

    def with_chain(self, ci=None, pn=None, se=None):
        """A device whose chain is good but for what is given; se: Holder arguments."""
        device = self.issuer.device()
        device.ci, device.pn = ci or self.issuer.ci, pn or self.issuer.pn
        device.se = credentials.make_se(device.pn, device.se_id, **(se or {}))
        device.make_token(self.arpf)
        return device


class Chain(Refused):
    def test_good_ones_for_comparison(self):
        device = self.with_chain()
        self.assert_attached(device, self.attach(device))

    def test_ci_not_agreed(self):
        ci = credentials.make_ci()
        self.refuse(403, "CERTIFICATE_UNTRUSTED", self.with_chain(ci=ci, pn=credentials.make_pn(ci)))

    def test_ci_not_agreed_though_same_name_and_key(self):
        twin = credentials.make_ci(key=self.issuer.ci.key)
        self.refuse(403, "CERTIFICATE_UNTRUSTED", self.with_chain(ci=twin))

    def test_pn_of_another_ci(self):
        other = credentials.make_ci()
        self.refuse(403, "CERTIFICATE_UNTRUSTED",
                    self.with_chain(pn=credentials.make_pn(self.issuer.ci, signing_key=other.key)))
        self.refuse(403, "CERTIFICATE_UNTRUSTED",
                    self.with_chain(pn=credentials.make_pn(credentials.make_ci("elsewhere"))))

    def test_pn_that_is_no_ca(self):
        for changes in ({"ca": False}, {"ca": None}, {"usage": ("digital_signature",)}):
            pn = credentials.make_pn(self.issuer.ci, **changes)
            self.refuse(403, "CERTIFICATE_UNTRUSTED", self.with_chain(pn=pn))

    def test_se_of_another_pn(self):
        self.refuse(403, "CERTIFICATE_UNTRUSTED",
                    self.with_chain(se={"signing_key": credentials.new_key()}))
        other = self.with_chain(pn=credentials.make_pn(self.issuer.ci, "PN 2"))
        self.refuse(403, "CERTIFICATE_UNTRUSTED", other, certPn=self.issuer.pn.der)

    def test_se_that_may_not_sign_or_is_a_ca(self):
        for changes in ({"ca": True}, {"ca": True, "usage": ("key_cert_sign", "digital_signature")},
                        {"usage": ("key_encipherment",)}):
            self.refuse(403, "CERTIFICATE_UNTRUSTED", self.with_chain(se=changes))

    def test_a_leaf_that_signs(self):
        leaf = credentials.make_se(self.issuer.pn, "SE-signs")
        self.refuse(403, "CERTIFICATE_UNTRUSTED", self.with_chain(pn=leaf))

    def test_certificates_in_the_wrong_places(self):
        device = self.device()
        self.refuse(403, "CERTIFICATE_UNTRUSTED", device, certSe=device.pn.der)
        self.refuse(403, "CERTIFICATE_UNTRUSTED", device, certPn=device.ci.der)
        self.refuse(403, "CERTIFICATE_UNTRUSTED", device, certPn=device.se.der)
        self.refuse(403, "CERTIFICATE_UNTRUSTED", device, certCi=device.pn.der)

    def test_outside_the_validity_period(self):
        for days in ((-20, -1), (1, 20)):
            self.refuse(403, "CERTIFICATE_EXPIRED", self.with_chain(se={"days": days}))
            self.refuse(403, "CERTIFICATE_EXPIRED",
                        self.with_chain(pn=credentials.make_pn(self.issuer.ci, days=days)))
            ci = credentials.make_ci("CI outside", days=days)
            self.world.trust(ci)
            self.refuse(403, "CERTIFICATE_EXPIRED", self.with_chain(ci=ci, pn=credentials.make_pn(ci)))

    def test_se_id(self):
        for se_id in (None, "", "has blank", "x" * 65, "caf\u00e9"):
            self.assertIn(self.attach(self.with_chain(se={"serial_number": se_id})
                                      if se_id else self.without_se_id()).status, (400, 403))
        device = self.issuer.device(se_id="a.Z_9:-" + "x" * 57)
        device.make_token(self.arpf)
        self.assert_attached(device, self.attach(device))

    def without_se_id(self):
        device = self.issuer.device()
        device.se = credentials.Holder("SE", self.issuer.pn, ca=False, usage=("digital_signature",))
        device.make_token(self.arpf)
        return device

    def test_revoked(self):
        device = self.device()
        issuer_file = self.world.path("pn.pem")
        with open(issuer_file, "wb") as f:
            f.write(device.pn.pem)
        self.world.run("arpfctl", "revoke", "certificate", "--issuer", issuer_file,
                       "--serial", "%x" % device.se.serial)
        self.refuse(403, "CERTIFICATE_REVOKED", device)
        another = self.device()
        self.assert_attached(another, self.attach(another))

    def test_revoked_pn(self):
        pn = credentials.make_pn(self.issuer.ci, "PN revoked")
        before = self.with_chain(pn=pn)
        self.assert_attached(before, self.attach(before))
        issuer_file = self.world.path("ci.pem")
        with open(issuer_file, "wb") as f:
            f.write(self.issuer.ci.pem)
        self.world.run("arpfctl", "revoke", "certificate", "--issuer", issuer_file,
                       "--serial", "%x" % pn.serial)
        self.refuse(403, "CERTIFICATE_REVOKED", self.with_chain(pn=pn))

    def test_removed_anchor(self):
        ci = credentials.make_ci("CI removed")
        pn = credentials.make_pn(ci)
        self.world.trust(ci)
        before = self.with_chain(ci=ci, pn=pn)
        self.assert_attached(before, self.attach(before))
        self.world.run("arpfctl", "trust", "remove", hashlib.sha256(ci.der).hexdigest())
        self.refuse(403, "CERTIFICATE_UNTRUSTED", self.with_chain(ci=ci, pn=pn))

    def test_public_key_off_the_curve(self):
        point = protocol.point(self.issuer.pn.key.public_key())
        device = self.device()
        se_point = protocol.point(device.se.key.public_key())
        for bad in (credentials.off_curve(se_point), b"\4" + bytes(64)):
            der = credentials.reissue(device.se, lambda tbs: tbs.replace(se_point, bad))
            self.assertNotEqual(der, device.se.der)
            answer = self.attach(device, certSe=der)
            self.assertIn(answer.status, (400, 403), answer)
        pn = credentials.reissue(device.pn, lambda tbs: tbs.replace(point, credentials.off_curve(point)))
        self.assertIn(self.attach(device, certPn=pn).status, (400, 403))


class Cut(Refused):
    def assert_bad_bytes(self, answer):
        self.assert_problem(answer, 400, self.cause_of(answer))
        self.assertIn(self.cause_of(answer), ("INVALID_PARAMETER", "MALFORMED_REQUEST"), answer)

    def test_cut_anywhere(self):
        device, c = self.device(), self.world.connection()
        for name, whole in (("certSe", device.se.der), ("certPn", device.pn.der),
                            ("certCi", device.ci.der), ("atk", device.atk)):
            for cut in [*range(0, 24), *range(24, len(whole), 13), len(whole) - 2, len(whole) - 1]:
                answer = self.world.request(
                    "POST", "/nausf-initial-attach/v1/contexts",
                    {"seCredentials": device.credentials(**{name: whole[:cut]})}, connection=c)
                # A CI cut short is not the agreed one, whatever else it is.
                if name == "certCi" and answer.status == 403:
                    self.assert_problem(answer, 403, "CERTIFICATE_UNTRUSTED")
                else:
                    self.assert_bad_bytes(answer)

    def test_something_behind(self):
        device = self.device()
        for name, whole in (("certSe", device.se.der), ("certPn", device.pn.der), ("atk", device.atk)):
            for more in (b"\0", b"x" * 100):
                answer = self.attach(device, **{name: whole + more})
                self.assertIn(answer.status, (400, 403), (name, answer))

    def test_one_bit_anywhere(self):
        """Whatever a flipped bit does, it is refused, and never with a 5xx."""
        device, c = self.device(), self.world.connection()
        for name, whole in (("certSe", device.se.der), ("certPn", device.pn.der),
                            ("certCi", device.ci.der), ("atk", device.atk)):
            for at in range(0, len(whole), 3):
                bad = bytearray(whole)
                bad[at] ^= 1 << at % 8
                answer = self.world.request(
                    "POST", "/nausf-initial-attach/v1/contexts",
                    {"seCredentials": device.credentials(**{name: bytes(bad)})}, connection=c)
                self.assertIn(answer.status, (400, 403), (name, at, answer))
                self.assert_problem(answer, answer.status, self.cause_of(answer))

    def test_noise(self):
        device = self.device()
        for name in ("certSe", "certPn", "certCi", "atk"):
            for noise in (b"", b"\0", os.urandom(300), b"\x30\x84\xff\xff\xff\xff", b"\xff" * 1000,
                          b"\x9f" * 2000, b"\x30\x80" * 500, b"\xd2" * 1000, b"\x81" * 1000):
                answer = self.attach(device, **{name: noise})
                self.assertIn(answer.status, (400, 403), (name, noise[:8], answer))


class Token(Refused):
    def refuse_token(self, status, cause, **changes):
        device = self.issuer.device()
        device.make_token(self.arpf, **changes)
        self.refuse(status, cause, device)

    def test_signed_by_another(self):
        self.refuse_token(403, "SIGNATURE_INVALID", key=credentials.new_key())
        self.refuse_token(403, "SIGNATURE_INVALID", key=self.issuer.pn.key)

    def test_signature_of_another_token(self):
        one, two = self.device(), self.device()
        self.refuse(403, "SIGNATURE_INVALID", one, atk=one.atk[:-64] + two.atk[-64:])
        for forged in (bytes(64), b"\xff" * 64, bytes(63) + b"\1"):
            self.refuse(403, "SIGNATURE_INVALID", one, atk=one.atk[:-64] + forged)

    def test_unknown_key_id(self):
        device = self.issuer.device()
        device.make_token(self.arpf, key_id=os.urandom(32))
        self.refuse(400, "INVALID_PARAMETER", device)

    def test_foreign_dimsi(self):
        for dimsi in ("001010000000001", "262010000000001", "001980000000001"):
            device = self.issuer.device()
            device.dimsi = dimsi
            device.make_token(self.arpf)
            self.assert_problem(self.attach(device), 400, "INVALID_PARAMETER")

    def test_dimsi_that_is_none(self):
        for dimsi in ("", "00199", "00199000000000x", "0019900000000001", "imsi-001990000000001"):
            self.refuse_token(400, "INVALID_PARAMETER", dimsi=dimsi)

    def test_point_off_the_curve(self):
        good = protocol.point(credentials.new_key().public_key())
        for bad in (credentials.off_curve(good), bytes(65), b"\4" + bytes(64), good[:-1], good + b"\0",
                    b"\2" + good[1:33], b"\4" + b"\xff" * 64, b"\0", b""):
            self.refuse_token(400, "INVALID_PARAMETER", point=bad)

    def test_payload_of_other_shapes(self):
        device = self.issuer.device()
        point = protocol.point(credentials.new_key().public_key())
        good = {1: device.dimsi, 2: point, 3: self.arpf.key_id, 4: os.urandom(16)}
        bad = [b"", b"\xa0", cbor([1, 2]), cbor("text"), cbor(7), b"\xff", cbor(good)[:-1], cbor(good) + b"\0",
               b"\xbf" + cbor(good)[1:] + b"\xff\xff"]
        bad += [cbor({k: v for k, v in good.items() if k != left}) for left in good]
        bad += [cbor({**good, k: 5}) for k in good]
        bad += [cbor({**good, 1: device.dimsi.encode()}), cbor({**good, 4: os.urandom(15)}),
                cbor({**good, 3: self.arpf.key_id[:-1]}), cbor({str(k): v for k, v in good.items()})]
        # the dIMSI twice
        bad.append(b"\xa5" + cbor(good)[1:] + cbor(1) + cbor("001990000000999"))
        for payload in bad:
            self.refuse_token(400, "INVALID_PARAMETER", payload=payload)

    def test_other_protected_headers(self):
        for protected in (b"", cbor({}), cbor({1: -35}), cbor({1: -257}), cbor({1: 5}), cbor({4: b"k"}),
                          cbor([1, -7]), b"\xff", cbor({1: -7}) + b"\0"):
            device = self.issuer.device()
            device.make_token(self.arpf, protected=protected)
            answer = self.attach(device)
            self.assert_problem(answer, 400, "INVALID_PARAMETER")

    def test_a_critical_header_not_understood(self):
        device = self.issuer.device()
        device.make_token(self.arpf, protected=cbor({1: -7, 2: [99], 99: 1}))
        self.assert_problem(self.attach(device), 400, "INVALID_PARAMETER")

    def test_other_cose_messages(self):
        device = self.device()
        untagged = device.atk[1:]
        for bad in (b"\xd1" + untagged, b"\xd8\x62" + untagged, b"\xd2" + device.atk, cbor([]),
                    cbor([b"", {}, b""]), cbor(b"bytes"), b"\x85" + untagged[1:] + b"\0"):
            self.refuse(400, "INVALID_PARAMETER", device, "atk", atk=bad)

    def test_token_of_another_se(self):
        one, two = self.device(), self.device()
        self.refuse(403, "SIGNATURE_INVALID", one, atk=two.atk)


if __name__ == "__main__":
    world.main()
