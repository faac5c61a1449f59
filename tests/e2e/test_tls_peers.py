#!/usr/bin/python3
"""Two servers that know each other by certificate: a third-party ARPF and a remote D-AUSF over mutual TLS."""
import os
import shutil

import tls_world
import world


class Peers(world.WorldCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.start("arpf")
        cls.issuer = world.Issuer(cls.world)
        cls.arpf = cls.world.arpf()
        cls.ausf = cls.start("ausf", {"network.d_ausf_uri": cls.world.url, "server.deadline_ms": 30000})
        cls.ausf.run("arpfctl", "trust", "add", "--use", "arpf", cls.world.path("ca/ca.pem"))

    @classmethod
    def start(cls, name, settings=None):
        """One TLS CA for both."""
        if cls.world is not None:
            folder = os.path.join(world.FOLDER, cls.__name__ + "-" + name)
            os.makedirs(folder)
            shutil.copytree(cls.world.path("tls"), os.path.join(folder, "tls"))
        server = tls_world.TlsWorld(cls.__name__ + "-" + name, settings)
        cls.addClassCleanup(server.end)
        return server

    def attach(self):
        device = self.issuer.device(self.arpf)
        return device, self.ausf.attach(device, arpfUri=self.world.url)

    def wait_for_pair(self, device, seconds=30):
        world.wait_until(lambda: self.world.authenticate(device.dimsi).status == 200, seconds,
                         "the D-AUSF has the pair")

    def test_ek_and_pair_go_between_them(self):
        device, answer = self.attach()
        self.assertEqual(201, answer.status, answer)
        self.wait_for_pair(device)
        self.check_context(device, answer.json, self.arpf, self.world)
        path = "/nausf-initial-attach/v1/contexts/" + device.dimsi
        self.assertEqual(204, self.ausf.request("DELETE", path).status)
        world.wait_until(lambda: self.world.authenticate(device.dimsi).status == 404, 30, "the pair is gone")

    def show_as(self, certificate, key):
        """What the server shows to others is read anew at a reload."""
        for name, content in (("ausf.pem", certificate), ("ausf.key", key)):
            with open(self.ausf.tls(name), "wb") as f:
                f.write(content)
        self.ausf.reload()

    def test_shown_as_another(self):
        with open(self.ausf.tls("ausf.pem"), "rb") as f, open(self.ausf.tls("ausf.key"), "rb") as g:
            good = f.read(), g.read()
        ca = tls_world.StoredAuthority(self.ausf.path("tls"))
        for caller in (tls_world.Identity(ca, ["metrics"]), tls_world.Identity(None, ["ausf"])):
            try:
                self.show_as(caller.pem, caller.key_pem)
                self.assert_problem(self.attach()[1], 502, "PEER_FAILED")
            finally:
                self.show_as(*good)
        renewed = tls_world.Identity(ca, ["ausf"], cn="renewed")
        self.show_as(renewed.pem, renewed.key_pem)
        device, answer = self.attach()
        self.assertEqual(201, answer.status, answer)
        self.wait_for_pair(device)
        self.assertIn(["ausf:renewed"], self.world.sql("SELECT DISTINCT actor FROM audit_events"))

    def test_peer_of_another_ca(self):
        """The server does not speak to an ARPF that its CAs do not know."""
        before = self.world.tls("server.pem"), self.world.tls("server.key")
        kept = []
        for path in before:
            with open(path, "rb") as f:
                kept.append(f.read())
        stranger = tls_world.Identity(
            tls_world.make_authority("Stranger CA"), cn="localhost", usage="server", names=[tls_world.LOOPBACK])
        try:
            stranger.write(*before)
            self.world.reload()
            self.ausf.stop()  # connections that are there already would be used again
            self.ausf.start()
            self.assert_problem(self.attach()[1], 502, "PEER_FAILED")
        finally:
            for path, content in zip(before, kept):
                with open(path, "wb") as f:
                    f.write(content)
            self.world.reload()
        self.assertEqual(201, self.attach()[1].status)


if __name__ == "__main__":
    world.main()
