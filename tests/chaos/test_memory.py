#!/usr/bin/python3
"""No key of a device or of a session, and no PIN, is anywhere in arpfd's memory; no K in arpf-keyd's.

Read through /proc/PID/mem: more than a core file would hold, since pages kept out of dumps are read too.
"""
import base64
import concurrent.futures
import glob
import os
import shutil
import subprocess
import unittest

import load  # first: it says where the others are
import dh_device
import headless_device
import protocol
import usim
import world
from test_authentication import add_subscriber


def memory_of(pid):
    """The contents of every private mapping that can be written, one after the other."""
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb") as mem:
        for line in maps:
            span, rights = line.split()[:2]
            if rights[:2] != "rw":
                continue
            begin, end = (int(at, 16) for at in span.split("-"))
            try:
                mem.seek(begin)
                yield mem.read(end - begin)
            except (OSError, ValueError):
                continue


def forms(secret):
    """As it is, in hex, and in base64 whatever stands before it."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + secret)
        yield text[(4 * shift + 2) // 3 + (1 if shift else 0):-4]


def found_in(pid, wanted):
    """Which of {name: bytes} are there."""
    found = set()
    for part in memory_of(pid):
        for name, secret in wanted.items():
            if name not in found and any(form in part for form in forms(secret)):
                found.add(name)
    return found


@unittest.skipIf(world.IS_SANITIZED, "a sanitizer's own memory is endless")
class Memory(load.ChaosCase):
    settings = {"hsm.key_timeout_ms": 60000}  # gcore stops the processes that it looks at

    def test_forms(self):
        secret = bytes(range(100, 116))
        for before in range(7):
            text = base64.b64encode(bytes(before) + secret + b"after")
            self.assertTrue(any(form in text for form in forms(secret)), before)

    def skip_unless_readable(self, pid):
        """arpf-keyd lets nobody but root look."""
        try:
            next(memory_of(pid))
        except PermissionError:
            self.skipTest("this user may not read that process's memory")

    def test_no_device_key_in_memory(self):
        devices = self.devices(12)
        secrets = {}
        for device in devices:
            self.assert_attached(device, self.world.attach(device))
            secrets.update({"%s of %s" % (name, device.dimsi): secret
                            for name, secret in device.secrets().items()})
        with open(self.world.path("pin"), "rb") as f:
            secrets["PIN"] = f.read().strip()
        pid = self.world.arpfd_pid()
        self.skip_unless_readable(pid)
        self.assertEqual(set(), found_in(pid, secrets))
        public = {"certSign": protocol.point(self.arpf.sign.public_key()),
                  "CERT.PN": protocol.point(self.issuer.pn.key.public_key())}
        self.assertEqual(set(public), found_in(pid, public), "the search finds what is there")

    def test_no_device_key_stays_in_the_workers(self):
        devices = self.devices(12)
        for device in devices:
            self.assertEqual(201, self.world.attach(device).status)
        secrets = {"%s of %s" % (name, d.dimsi): secret
                   for d in devices for name, secret in d.secrets().items()}
        for pid in self.world.worker_pids():
            self.skip_unless_readable(pid)
            self.assertEqual(set(), found_in(pid, secrets))

    def authenticate(self, card, times, keys):
        """Authentications by keep-alive; what each of them made goes to keys."""
        connection = self.world.connection()
        path = "/nudm-ueau/v1/%s/security-information/generate-auth-data" % card.supi
        for i in range(times):
            answer = self.world.request("POST", path, {
                "servingNetworkName": usim.NETWORK, "ausfInstanceId": usim.AUSF}, connection=connection)
            self.assertEqual(200, answer.status, answer)
            card.accept(answer.json)
            rand = bytes.fromhex(answer.json["authenticationVector"]["rand"])
            m = usim.Milenage(card.k, card.opc, rand)
            for name, value in (("K_AUSF", card.kausf), ("CK", m.ck), ("IK", m.ik), ("XRES*", bytes.fromhex(
                    answer.json["authenticationVector"]["xresStar"]))):
                keys["%s %d of %s" % (name, i, card.supi)] = value
        connection.close()

    def core_of(self, pid):
        """What gcore writes of a process."""
        folder = self.world.path("cores")
        os.makedirs(folder, exist_ok=True)
        done = subprocess.run(["gcore", "-o", os.path.join(folder, "core"), str(pid)],
                              capture_output=True, text=True, timeout=300)
        names = glob.glob(os.path.join(folder, "core.*"))
        if not names:
            self.skipTest("gcore: " + done.stderr[-300:])
        with open(names[0], "rb") as f:
            content = f.read()
        shutil.rmtree(folder)
        return content

    def test_after_a_thousand_authentications(self):
        """A dump of arpfd holds no key of any kind; one of arpf-keyd no K of a subscriber."""
        cards = [add_subscriber(self.world, "imsi-0010155%08d" % i) for i in range(10)]
        keys, subscribers = {}, {"K of " + c.supi: c.k for c in cards}
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            for _ in pool.map(lambda c: self.authenticate(c, 100, keys), cards):
                pass
        companion = usim.Companion(self.world, cards[0].supi, cards[0])
        self.assertEqual(200, companion.register().status)
        keys.update({"K_AKMA": companion.k_akma, "K_AF": companion.k})
        parameters = self.world.request("GET", "/narpf-companion/v1/ibs-parameters").json
        for group in dh_device.GROUPS:
            device = dh_device.Device(group)
            answer = device.ask(companion)
            self.assertEqual(201, answer.status, answer)
            device.take(answer.json, parameters)
            self.assertEqual(200, device.confirm(self.world).status)
            keys.update({"KDm " + group: device.kdm, "KDa " + group: device.kda, "KDo " + group: device.kdo})
        maker, web = headless_device.Maker(), headless_device.Web()
        self.world.trust(maker.root, "device")
        device = maker.device()
        answer = headless_device.ask(companion, web.serve(device))
        self.assertEqual(201, answer.status, answer)
        card = device.install(answer.json, companion, self.arpf.sign)
        web.close()
        keys.update({"K'": device.k_prime, "Ka": card.k, "OPc of K'": card.opc})
        keys.update(subscribers)
        keys.update({"OPc of " + c.supi: c.opc for c in cards})
        self.assertGreater(len(keys), 4000)
        pid = self.world.arpfd_pid()
        self.skip_unless_readable(pid)
        core = self.core_of(pid)
        self.assertIn(protocol.point(self.arpf.sign.public_key()), core, "the dump holds what is public")
        self.assert_not_in(core, keys)
        self.assertEqual(set(), found_in(pid, subscribers))
        for worker in self.world.worker_pids():
            self.assert_not_in(self.core_of(worker), subscribers)
            self.assertEqual(set(), found_in(worker, subscribers))

    def assert_not_in(self, content, secrets):
        """Four thousand secrets in several forms each: grep looks for them all at once, in hexadecimal."""
        patterns = self.world.path("patterns")
        names = {form.hex(): name for name, secret in secrets.items() for form in forms(secret)}
        with open(patterns, "w") as f:
            f.writelines(pattern + "\n" for pattern in names)
        part, overlap = 1 << 15, 256
        lines = (content[at:at + part + overlap].hex() for at in range(0, len(content), part))
        found = subprocess.run(["grep", "-F", "-o", "-f", patterns], input="\n".join(lines),
                               env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True)
        self.assertLess(found.returncode, 2, found.stderr)
        self.assertEqual(set(), {names[line] for line in found.stdout.split()})

    def test_the_search_finds(self):
        secret = os.urandom(16)
        for form in forms(secret):
            with self.assertRaises(AssertionError):
                self.assert_not_in(bytes(70001) + form + bytes(999), {"secret": secret})
        self.assert_not_in(os.urandom(70001), {"secret": secret})


if __name__ == "__main__":
    world.main()
