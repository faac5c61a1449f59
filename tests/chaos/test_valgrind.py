#!/usr/bin/python3
"""arpfd under valgrind through a short life: no error, nothing definitely lost at its clean end."""
import shutil
import unittest

import load
import world


@unittest.skipIf(world.IS_SANITIZED, "a build with sanitizers does not run under valgrind")
@unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed")
class Valgrind(load.ChaosCase):
    settings = {"server.deadline_ms": 60000, "hsm.key_timeout_ms": 20000}

    @classmethod
    def setUpClass(cls):
        cls.world = world.World("valgrind", cls.settings, runner=(
            "valgrind --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite "
            "--num-callers=30 --log-file=%s/Valgrind.txt" % world.FOLDER))
        cls.addClassCleanup(cls.world.end)
        cls.issuer = world.Issuer(cls.world)
        cls.arpf = cls.world.arpf()

    def test_a_short_life(self):
        devices = self.devices(20)
        for device in devices:
            self.assert_attached(device, self.world.attach(device))
        bad = self.devices(1)[0]
        bad.atk = bad.atk[:-1] + b"\0"
        self.world.attach(bad)
        contexts = "/nausf-initial-attach/v1/contexts"
        items = [{"seCredentials": d.credentials()} for d in self.devices(10) + [bad]]
        self.assertEqual(200, self.world.request("POST", contexts + "/batch", {"items": items}).status)
        for body in (b"{", b"[" * 5000, b'{"a":1,"a":2}', b"x" * 70000):
            self.assertGreaterEqual(self.world.request("POST", contexts, body).status, 400)
        self.assertEqual(204, self.world.request("DELETE", contexts + "/" + devices[0].dimsi).status)
        self.assertEqual(502, self.world.attach(devices[0], arpfUri="http://127.0.0.1:1").status)
        self.world.stop()
        with open(world.FOLDER + "/Valgrind.txt") as f:
            said = f.read()
        self.assertIn("ERROR SUMMARY: 0 errors", said, said)


if __name__ == "__main__":
    world.main()
