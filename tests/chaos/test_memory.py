#!/usr/bin/python3
"""No key of a device, and no PIN, is anywhere in arpfd's memory.

Read through /proc/PID/mem: more than a core file would hold, since pages kept out of dumps are read too.
"""
import base64
import unittest

import load
import protocol
import world


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


if __name__ == "__main__":
    world.main()
