#!/usr/bin/python3
"""ARPF, Target AUSF and D-AUSF as three servers with databases and tokens of their own."""
import load
import world


class ThreeServers(world.WorldCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.start("arpf")
        cls.issuer = world.Issuer(cls.world)
        cls.arpf = cls.world.arpf()
        cls.d_ausf = cls.start("d-ausf")
        cls.ausf = cls.start("ausf", {"network.d_ausf_uri": cls.d_ausf.url, "server.deadline_ms": 30000})
        cls.ausf.run("arpfctl", "trust", "add", "--use", "arpf", cls.world.path("ca/ca.pem"))

    @classmethod
    def start(cls, name, settings=None):
        server = world.World(cls.__name__ + "-" + name, settings)
        cls.addClassCleanup(server.end)
        return server

    def provision(self, device, status=201):
        answer = self.ausf.attach(device, arpfUri=self.world.url)
        self.assertEqual(status, answer.status, answer)
        return answer.json

    def wait_for_pair(self, device, seconds=30):
        world.wait_until(lambda: self.d_ausf.authenticate(device.dimsi).status == 200, seconds,
                         "the D-AUSF has the pair")

    def check(self, device, said, seconds=30):
        self.wait_for_pair(device, seconds)
        self.check_context(device, said, self.arpf, self.d_ausf)

    def test_across_three(self):
        device = self.issuer.device(self.arpf)
        said = self.provision(device)
        self.check(device, said)
        self.assertEqual(said["supi"], self.provision(device, 200)["supi"])
        self.assert_problem(self.world.authenticate(device.dimsi), 404, "DIMSI_NOT_FOUND")

    def test_many(self):
        devices = [self.issuer.device(self.arpf) for _ in range(200 if load.LONG else 60)]
        under = load.Load(self.ausf, devices, ask=lambda w, d, c: w.request(
            "POST", "/nausf-initial-attach/v1/contexts",
            {"seCredentials": d.credentials(), "arpfUri": self.world.url}, connection=c)).finish()
        self.assertEqual([], under.refused())
        for t in under.tries:
            self.check(t.device, t.answer.json)

    def test_d_ausf_away_at_first(self):
        self.d_ausf.kill_arpfd()
        devices = [self.issuer.device(self.arpf) for _ in range(5)]
        said = [self.provision(d) for d in devices]
        self.d_ausf.start()
        for device, one in zip(devices, said):
            self.check(device, one)

    def test_both_restarted_before_it_is_taken(self):
        self.d_ausf.kill_arpfd()
        device = self.issuer.device(self.arpf)
        said = self.provision(device)
        self.ausf.kill_arpfd()
        self.ausf.start()
        self.d_ausf.start()
        # the server that died may have claimed the delivery for half a minute
        self.check(device, said, 60)

    def test_release_takes_the_pair_back(self):
        device = self.issuer.device(self.arpf)
        self.check(device, self.provision(device))
        path = "/nausf-initial-attach/v1/contexts/" + device.dimsi
        self.assertEqual(204, self.ausf.request("DELETE", path).status)
        world.wait_until(lambda: self.d_ausf.authenticate(device.dimsi).status == 404, 30, "the pair is gone")

    def test_what_the_arpf_refuses(self):
        device = self.issuer.device(self.arpf)
        other = world.credentials.make_ci()
        device.ci, device.pn = other, world.credentials.make_pn(other)
        device.se = world.credentials.make_se(device.pn, device.se_id)
        device.make_token(self.arpf)
        self.assert_problem(self.ausf.attach(device, arpfUri=self.world.url), 403, "CERTIFICATE_UNTRUSTED")

    def test_arpf_away(self):
        self.world.kill_arpfd()
        try:
            device = self.issuer.device(self.arpf)
            self.assert_problem(self.ausf.attach(device, arpfUri=self.world.url), 502, "PEER_FAILED")
        finally:
            self.world.start()
        self.check(device, self.provision(device))

    def test_arpf_that_is_not_trusted(self):
        """The D-AUSF as an ARPF: it would answer, but its certificates are of another CA."""
        self.d_ausf.trust(self.issuer.ci)
        device = self.issuer.device(self.d_ausf.arpf())
        answer = self.ausf.attach(device, arpfUri=self.d_ausf.url)
        self.assertIn((answer.status, self.cause_of(answer)),
                      ((502, "PEER_FAILED"), (403, "CERTIFICATE_UNTRUSTED")), answer)


if __name__ == "__main__":
    world.main()
