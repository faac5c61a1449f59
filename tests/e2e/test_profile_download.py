#!/usr/bin/python3
"""Profile download (docs/protocol.md section 10) of eUICCs and of attached Secure Elements, good and bad."""
import os

import credentials
import euicc
import protocol
import world
from euicc import (DOWNLOADS, SESSIONS, Element, Maker, ask_download, ask_profile, at_once, begin_download, install,
                   notify, open_profile, revoke)
from protocol import Wrong, b64
from usim import Usim, ask_vector, tell_event


class DownloadCase(world.WorldCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.maker = Maker()
        cls.world.trust(cls.maker.ci, "euicc")

    def euicc(self):
        """One that is attached, with its session."""
        device = self.maker.euicc()
        device.exchange, device.session = euicc.attach(self.world, device)
        return device

    def element(self, state="ATTACHED"):
        """A Secure Element whose binding is in this state; card: what its eK makes of it."""
        device = self.issuer.device(self.arpf)
        if state == "READY":
            supi = self.world.attach(device).json["supi"]
        else:
            supi = self.assert_attached(device, self.world.attach(device))
        secrets = device.secrets()
        element = Element(device, supi)
        element.card, element.dimsi = Usim(supi, secrets["eKa"], secrets["eOPc"]), device.dimsi
        if state == "ATTACHED":
            element.card.accept(self.vector(supi))
            self.assertEqual(201, tell_event(self.world, supi).status)
            self.assertEqual("ATTACHED", self.state(element))
        return element

    def state(self, element):
        return self.world.request("GET", "/nausf-initial-attach/v1/contexts/" + element.dimsi).json["state"]

    def vector(self, supi):
        answer = ask_vector(self.world, supi)
        self.assertEqual(200, answer.status, answer)
        return answer.json

    def profile(self, exchange, device):
        answer = ask_profile(self.world, exchange, exchange.answer(device))
        self.assertEqual(200, answer.status, answer)
        return open_profile(exchange, answer.json)

    def end(self, exchange, result="INSTALLED"):
        answer = notify(self.world, exchange, result)
        self.assertEqual((204, b""), (answer.status, answer.body), answer)

    def installed(self, device):
        """From the offer to the notification. Returns the card."""
        exchange = begin_download(self.world, device)
        profile = self.profile(exchange, device)
        self.end(exchange)
        return install(profile)


class Euiccs(DownloadCase):
    def test_straight_path(self):
        device = self.euicc()
        exchange = begin_download(self.world, device, attachId=device.exchange.id)
        self.assertEqual(exchange.certificates[0], self.arpf.sign)
        profile = self.profile(exchange, device)
        self.assertRegex(profile["supi"], r"^imsi-00101\d{10}$")
        self.assertEqual(("001", "01"), (profile["networkIdentity"]["mcc"], profile["networkIdentity"]["mnc"]))
        self.assertLess(profile["issuedAt"], profile["notAfter"])
        # it lives from its notification on
        self.assertEqual(404, ask_vector(self.world, profile["supi"]).status)
        self.assertEqual(200, self.world.request("GET", SESSIONS + "/" + device.session).status)
        self.end(exchange)
        card = install(profile)
        for _ in range(2):
            card.accept(self.vector(card.supi))
        self.assert_problem(self.world.request("GET", SESSIONS + "/" + device.session), 410, "SESSION_EXPIRED")
        self.assert_problem(ask_download(self.world, device), 410, "SESSION_EXPIRED")

    def test_root_may_come_along(self):
        device = self.euicc()
        device.chain.append(self.maker.ci.der)
        self.installed(device)

    def test_an_eid_keeps_its_supi_and_gets_another_key(self):
        device = self.euicc()
        first = self.installed(device)
        first.accept(self.vector(first.supi))
        euicc.attach(self.world, device)
        second = self.installed(device)
        self.assertEqual(first.supi, second.supi)
        self.assertNotEqual((first.k, first.opc), (second.k, second.opc))
        second.accept(self.vector(second.supi))
        first.sqn = 0
        with self.assertRaises(Wrong):
            first.accept(self.vector(first.supi))

    def test_failed_leaves_nothing(self):
        device = self.euicc()
        exchange = begin_download(self.world, device)
        profile = self.profile(exchange, device)
        self.end(exchange, "FAILED")
        self.assertEqual(404, ask_vector(self.world, profile["supi"]).status)
        self.assertEqual(200, self.world.request("GET", SESSIONS + "/" + device.session).status)
        card = self.installed(device)
        card.accept(self.vector(card.supi))
        self.assertNotEqual(profile["k"], card.k.hex())

    def test_every_profile_has_its_own_key(self):
        devices = [self.euicc() for _ in range(12)]
        cards = at_once([lambda d=d: self.installed(d) for d in devices])
        self.assertNotIn(None, cards)
        for values in ([c.k for c in cards], [c.opc for c in cards], [c.supi for c in cards]):
            self.assertEqual(12, len(set(values)))
        for card in cards:
            card.accept(self.vector(card.supi))


class Elements(DownloadCase):
    def test_straight_path(self):
        element = self.element()
        exchange = begin_download(self.world, element)
        profile = self.profile(exchange, element)
        self.assertEqual(element.subject, profile["supi"])
        element.card.accept(self.vector(element.subject))  # eK serves until the notification
        self.end(exchange)
        card = install(profile)
        card.accept(self.vector(card.supi))
        element.card.sqn = 0
        with self.assertRaises(Wrong):
            element.card.accept(self.vector(element.subject))
        self.assertEqual("PROVISIONED", self.state(element))
        self.assertEqual(
            [["3", "1"]], self.world.sql("SELECT string_agg(state::text, '\t' ORDER BY version) FROM credentials"
                                         " WHERE imsi = %d" % int(element.subject[5:])))
        self.assert_problem(ask_download(self.world, element), 409, "CONFLICT")

    def test_root_may_come_along(self):
        element = self.element()
        element.chain.append(self.issuer.ci.der)
        self.installed(element)

    def test_failed_leaves_the_first_key(self):
        element = self.element()
        exchange = begin_download(self.world, element)
        self.profile(exchange, element)
        self.end(exchange, "FAILED")
        element.card.accept(self.vector(element.subject))
        self.assertEqual("ATTACHED", self.state(element))
        card = self.installed(element)
        card.accept(self.vector(card.supi))

    def test_who_may(self):
        for state in ("READY", "VECTORS_SENT"):
            self.assert_problem(ask_download(self.world, self.element(state)), 409, "CONFLICT")
        element = self.element()
        element.subject = "imsi-001010987654321"
        self.assert_problem(ask_download(self.world, element), 404, "USER_NOT_FOUND")
        element = self.element()
        exchange = begin_download(self.world, element)
        gone = self.world.request("DELETE", "/nausf-initial-attach/v1/contexts/" + element.dimsi)
        self.assertEqual(204, gone.status)
        answer = ask_profile(self.world, exchange, exchange.answer(element))
        self.assert_problem(answer, 409, "CONFLICT")

    def test_another_element(self):
        element, other = self.element(), self.element()
        exchange = begin_download(self.world, element)
        body = exchange.answer(element, key=other.key, chain=other.chain)
        self.assert_problem(ask_profile(self.world, exchange, body), 403, "CERTIFICATE_UNTRUSTED")
        self.profile(exchange, element)  # what was refused has changed nothing

    def test_chains(self):
        element, device = self.element(), self.maker.euicc()
        se, pn = element.chain
        stranger = credentials.make_ci("stranger")
        for chain in ([pn, se], [se, se], [se, self.issuer.ci.der], [se, pn, stranger.der], [se, pn, pn],
                      device.chain):
            exchange = begin_download(self.world, element)
            self.assert_problem(ask_profile(self.world, exchange, exchange.answer(element, chain=chain)),
                                403, "CERTIFICATE_UNTRUSTED")

    def test_roots_of_other_kinds(self):
        """The binding's own SE id, certified below an anchor that is none for Secure Elements."""
        element = self.element()
        se_id = "SE-" + element.dimsi
        for use in ("device", "euicc", "arpf"):
            ci = credentials.make_ci("root " + use)
            self.world.trust(ci, use)
            pn = credentials.make_pn(ci)
            se = credentials.make_se(pn, se_id)
            for chain in ([se.der, pn.der], [se.der, pn.der, ci.der]):
                exchange = begin_download(self.world, element)
                body = exchange.answer(element, key=se.key, chain=chain)
                self.assert_problem(ask_profile(self.world, exchange, body), 403, "CERTIFICATE_UNTRUSTED")

    def test_revoked(self):
        element = self.element()
        exchange = begin_download(self.world, element)
        revoke(self.world, self.issuer.pn, element.holder)
        self.assert_problem(ask_profile(self.world, exchange, exchange.answer(element)), 403, "CERTIFICATE_REVOKED")


class Offers(DownloadCase):
    def test_who_may(self):
        device = self.maker.euicc()
        self.assert_problem(ask_download(self.world, device), 404, "SESSION_NOT_FOUND")
        device = self.euicc()
        self.assert_problem(ask_download(self.world, device, attachId=os.urandom(16).hex()), 410, "SESSION_EXPIRED")
        self.world.request("DELETE", SESSIONS + "/" + device.session)
        self.assert_problem(ask_download(self.world, device), 410, "SESSION_EXPIRED")

    def test_a_refused_attach_is_none(self):
        device = self.maker.euicc()
        exchange = euicc.begin_attach(self.world, device)
        self.assertEqual(403, euicc.authenticate(
            self.world, exchange, exchange.answer(device, key=credentials.new_key())).status)
        self.assert_problem(ask_download(self.world, device), 404, "SESSION_NOT_FOUND")

    def test_detached_since(self):
        device = self.euicc()
        exchange = begin_download(self.world, device)
        self.world.request("DELETE", SESSIONS + "/" + device.session)
        self.assert_problem(ask_profile(self.world, exchange, exchange.answer(device)), 410, "SESSION_EXPIRED")

    def test_shapes(self):
        device = self.euicc()

        def ask(**changes):
            return ask_download(self.world, device, **changes)

        self.assert_problem(ask(eid=None), 400, "MISSING_PARAMETER", "eid")
        self.assert_problem(ask(deviceNonce=None), 400, "MISSING_PARAMETER", "deviceNonce")
        self.assert_problem(ask(supi="imsi-001010000000001"), 400, "INVALID_PARAMETER", "supi")
        for eid in (5, "", device.eid[:31], device.eid[:30] + "00"):
            self.assert_problem(ask(eid=eid), 400, "INVALID_PARAMETER", "eid")
        for supi in (5, "", "imsi-1", "001010000000001", "nai-x", "imsi-00101000000000a"):
            self.assert_problem(ask(eid=None, supi=supi), 400, "INVALID_PARAMETER", "supi")
        for attach in (5, "", "x", "00" * 15):
            self.assert_problem(ask(attachId=attach), 400, "INVALID_PARAMETER", "attachId")
        for nonce in (b"", bytes(15), bytes(17)):
            self.assert_problem(ask(deviceNonce=b64(nonce)), 400, "INVALID_PARAMETER", "deviceNonce")


class Answers(DownloadCase):
    def test_again_gives_the_same(self):
        device = self.euicc()
        exchange = begin_download(self.world, device)
        body = exchange.answer(device)
        first = ask_profile(self.world, exchange, body)
        open_profile(exchange, first.json)
        for _ in range(2):
            self.assertEqual(first.body, ask_profile(self.world, exchange, body).body)
        signed_anew = exchange.answer(device, chain=device.chain + [self.maker.ci.der])
        self.assertNotEqual(body["signature"], signed_anew["signature"])
        self.assertEqual(first.body, ask_profile(self.world, exchange, signed_anew).body)
        self.end(exchange)
        self.assert_problem(ask_profile(self.world, exchange, body), 410, "SESSION_EXPIRED")

    def test_again_with_another_key(self):
        """The same profile, for a device that has lost its first ephemeral key."""
        for device in (self.euicc(), self.element()):
            exchange = begin_download(self.world, device)
            profile, old_kn = self.profile(exchange, device), exchange.kn
            for _ in range(2):
                exchange.renew()
                self.assertEqual(profile, self.profile(exchange, device))
            kn, exchange.kn = exchange.kn, old_kn
            self.assert_problem(notify(self.world, exchange), 403, "MAC_INVALID")
            exchange.kn = kn
            self.end(exchange)
            install(profile).accept(self.vector(profile["supi"]))
            self.assertEqual(410, ask_profile(self.world, exchange, exchange.answer(device)).status)
            self.assertEqual([["t"]], self.world.sql("SELECT scalar || k_opc || bound = '' FROM downloads"
                                                     " WHERE download_id = '\\x%s'" % exchange.id))

    def test_again_with_another_key_refused(self):
        device = self.euicc()
        exchange = begin_download(self.world, device)
        self.profile(exchange, device)
        exchange.renew()
        bad = exchange.answer(device, key=credentials.new_key())
        self.assert_problem(ask_profile(self.world, exchange, bad), 403, "SIGNATURE_INVALID")
        self.world.request("DELETE", SESSIONS + "/" + device.session)
        self.assert_problem(ask_profile(self.world, exchange, exchange.answer(device)), 410, "SESSION_EXPIRED")

    def test_at_once(self):
        for subject in (self.euicc(), self.element()):
            exchange = begin_download(self.world, subject)
            body = exchange.answer(subject)
            answers = at_once([lambda: ask_profile(self.world, exchange, body)] * 10)
            self.assertEqual([200] * 10, [a.status for a in answers])
            self.assertEqual(1, len({a.body for a in answers}))
            card = install(open_profile(exchange, answers[0].json))
            self.end(exchange)
            card.accept(self.vector(card.supi))

    def test_two_downloads_at_once(self):
        """One eUICC, two downloads: one SUPI, and the key is that of the one that is installed."""
        device = self.euicc()
        exchanges = [begin_download(self.world, device) for _ in range(2)]
        profiles = at_once([lambda x=x: self.profile(x, device) for x in exchanges])
        self.assertEqual(1, len({p["supi"] for p in profiles}))
        ends = [notify(self.world, x).status for x in exchanges]
        self.assertIn(sorted(ends), ([204, 204], [204, 409]))
        card = install(profiles[max(i for i in range(2) if ends[i] == 204)])
        card.accept(self.vector(card.supi))

    def test_refused(self):
        device = self.euicc()
        exchange, other = begin_download(self.world, device), begin_download(self.world, device)
        refused = [(exchange.answer(device, key=credentials.new_key()), 403, "SIGNATURE_INVALID"),
                   (other.answer(device), 403, "SIGNATURE_INVALID"),
                   (exchange.answer(device, signed=exchange.signed()[:-1]), 403, "SIGNATURE_INVALID"),
                   (exchange.answer(self.maker.euicc()), 403, "CERTIFICATE_UNTRUSTED"),
                   (exchange.answer(device, point=credentials.off_curve(exchange.point)), 400, "INVALID_PARAMETER"),
                   (exchange.answer(device, chain=[b"x", b"y"]), 400, "INVALID_PARAMETER")]
        attach = euicc.begin_attach(self.world, device)
        attach.id = exchange.id
        refused.append((attach.answer(device), 403, "SIGNATURE_INVALID"))
        for body, status, cause in refused:
            self.assert_problem(ask_profile(self.world, exchange, body), status, cause)
        self.profile(exchange, device)

    def test_euiccs_of_strangers(self):
        for use in (None, "se", "device"):
            maker = Maker("root " + str(use))
            if use:
                self.world.trust(maker.ci, use)
            device = self.euicc()
            forged = maker.euicc(device.eid)
            exchange = begin_download(self.world, device)
            self.assert_problem(ask_profile(self.world, exchange, exchange.answer(forged)),
                                403, "CERTIFICATE_UNTRUSTED")

    def test_revoked_since(self):
        device = self.euicc()
        exchange = begin_download(self.world, device)
        body = exchange.answer(device)
        self.assertEqual(200, ask_profile(self.world, exchange, body).status)
        revoke(self.world, self.maker.eum, device.holder)
        self.assert_problem(ask_profile(self.world, exchange, body), 403, "CERTIFICATE_REVOKED")

    def test_shapes(self):
        device = self.euicc()
        exchange = begin_download(self.world, device)
        good = exchange.answer(device)
        for member in good:
            self.assert_problem(ask_profile(self.world, exchange, {k: v for k, v in good.items() if k != member}),
                                400, "MISSING_PARAMETER", member)
            for bad in (5, "", "!", b64(b"x"), [], [5]):
                self.assert_problem(ask_profile(self.world, exchange, {**good, member: bad}),
                                    400, "INVALID_PARAMETER", member)
        path = DOWNLOADS + "/%s/bound-profile"
        self.assert_problem(self.world.request("POST", path % os.urandom(16).hex(), good), 404, "SESSION_NOT_FOUND")
        self.assert_problem(self.world.request("POST", path % "x", good), 400, "INVALID_PARAMETER", "downloadId")


class Notifications(DownloadCase):
    def bound(self, device=None):
        device = device or self.euicc()
        exchange = begin_download(self.world, device)
        self.profile(exchange, device)
        return exchange

    def test_twice(self):
        for result, other in (("INSTALLED", "FAILED"), ("FAILED", "INSTALLED")):
            exchange = self.bound()
            for _ in range(3):
                self.end(exchange, result)
            self.assert_problem(notify(self.world, exchange, other), 409, "CONFLICT")
            self.end(exchange, result)

    def test_at_once(self):
        exchange = self.bound(self.element())
        answers = at_once([lambda: notify(self.world, exchange)] * 8)
        self.assertEqual([204] * 8, [a.status for a in answers])

    def test_wrong_macs(self):
        exchange, other = self.bound(), self.bound()
        failed = euicc.hmac.new(exchange.kn, euicc.transcript("arpf dp notification v1", exchange.id, "FAILED"), "sha256")
        for mac in (os.urandom(32), b"", bytes(31), bytes(33), failed.digest()):
            self.assert_problem(notify(self.world, exchange, mac=mac), 403, "MAC_INVALID")
        exchange.kn, kept = other.kn, exchange.kn
        self.assert_problem(notify(self.world, exchange), 403, "MAC_INVALID")
        exchange.kn = kept
        self.end(exchange)
        self.assert_problem(notify(self.world, exchange, mac=bytes(32)), 403, "MAC_INVALID")

    def test_before_the_profile(self):
        exchange = begin_download(self.world, self.euicc())
        exchange.kn = exchange.keys("arpf dp keys v1", 64)[32:]
        self.assert_problem(notify(self.world, exchange), 409, "CONFLICT")

    def test_shapes(self):
        exchange = self.bound()
        self.assert_problem(notify(self.world, exchange, "installed"), 400, "INVALID_PARAMETER", "result")
        path = DOWNLOADS + "/%s/notification"
        good = {"result": "INSTALLED", "mac": b64(bytes(32))}
        for member in good:
            self.assert_problem(self.world.request("POST", path % exchange.id, {
                k: v for k, v in good.items() if k != member}), 400, "MISSING_PARAMETER", member)
            self.assert_problem(self.world.request("POST", path % exchange.id, {**good, member: 5}),
                                400, "INVALID_PARAMETER", member)
        self.assert_problem(self.world.request("POST", path % os.urandom(16).hex(), good), 404, "SESSION_NOT_FOUND")
        self.assert_problem(self.world.request("POST", path % "x", good), 400, "INVALID_PARAMETER", "downloadId")

    def test_of_a_released_binding(self):
        element = self.element()
        exchange = self.bound(element)
        gone = self.world.request("DELETE", "/nausf-initial-attach/v1/contexts/" + element.dimsi)
        self.assertEqual(204, gone.status)
        self.assert_problem(notify(self.world, exchange), 409, "CONFLICT")
        self.assert_problem(ask_vector(self.world, element.subject), 404, "USER_NOT_FOUND")


class Times(DownloadCase):
    settings = {"attach.download_s": 77}

    def test_after_the_end(self):
        device = self.euicc()
        offered, bound, ended = (begin_download(self.world, device) for _ in range(3))
        element = self.element()
        replaced = begin_download(self.world, element)
        body = replaced.answer(element)
        self.assertEqual(200, ask_profile(self.world, replaced, body).status)
        self.profile(bound, device)
        self.profile(ended, device)
        self.end(ended, "FAILED")
        self.world.sql("UPDATE downloads SET expires_at = expires_at - 77")  # as if they had waited
        for exchange in (bound, ended):
            self.assert_problem(notify(self.world, exchange), 410, "SESSION_EXPIRED")
        self.assert_problem(ask_profile(self.world, offered, offered.answer(device)), 410, "SESSION_EXPIRED")
        self.assert_problem(ask_profile(self.world, replaced, body), 410, "SESSION_EXPIRED")
        element.card.accept(self.vector(element.subject))
        card = self.installed(element)
        card.accept(self.vector(card.supi))


if __name__ == "__main__":
    world.main()
