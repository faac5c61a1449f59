#!/usr/bin/python3
"""arpfload's devices against the server: every procedure alone, all at once, one step by step; and that it tells
a server that answers wrongly."""
import json
import os

import world

PROCEDURES = ("initial-attach", "first-auth", "auth-data", "companion-dh", "headless-device", "device-attach",
              "profile-download")
DEVICES = 60


class LoadCase(world.WorldCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fleets = cls.world.path("fleets-" + cls.__name__)
        os.mkdir(cls.fleets)
        for procedure in PROCEDURES:
            cls.make_fleet(procedure, DEVICES, os.path.join(cls.fleets, procedure))
        for procedure in ("auth-data", "headless-device"):
            cls.world.run("arpfctl", "subscriber", "import", f"{cls.fleets}/{procedure}/subscribers.csv")

    @classmethod
    def make_fleet(cls, procedure, devices, folder):
        cls.world.run("arpfload", "fleet", "create", "--procedure", procedure, "--devices", str(devices),
                      "--out", folder)

    def load(self, *arguments, fleet=None, status=0):
        """The report of a run, which ends with this status."""
        done = self.world.run("arpfload", "run", "--fleet", fleet or self.fleets, "--json", "-", *arguments,
                              check=False)
        self.assertEqual(status, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def walk(self, *arguments, status=0):
        done = self.world.run("arpfload", "walk", *arguments, check=False)
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        return done.stdout


class Runs(LoadCase):
    def test_subscribers_of_a_new_fleet(self):
        """Whom the server does not know yet: the run brings them, unless told not to."""
        for procedure, cause in (("auth-data", "USER_NOT_FOUND"), ("headless-device", "CERTIFICATE_UNTRUSTED")):
            with self.subTest(procedure):
                fleet = f"{self.fleets}/new-{procedure}"
                self.make_fleet(procedure, 20, fleet)
                refused = self.load("--procedure", procedure, "--no-trust", fleet=fleet, status=1)
                self.assertEqual({cause: 20}, refused["errors"])
                for _ in range(2):
                    report = self.load("--procedure", procedure, fleet=fleet)
                    self.assertEqual(({}, 0), (report["errors"], report["wrongAnswers"]))

    def run_all(self, procedure, *arguments):
        report = self.load("--procedure", procedure, *arguments, fleet=f"{self.fleets}/{procedure}")
        self.assertEqual({}, report["errors"])
        self.assertEqual(0, report["wrongAnswers"])
        return report

    def test_device_attach(self):
        report = self.run_all("device-attach")
        self.assertEqual(DEVICES, report["completed"])
        self.assertEqual(DEVICES, report["verified"])
        self.assertGreater(report["signaturesVerified"], 0)
        live = "SELECT count(*) FROM pdu_sessions WHERE NOT is_detached"
        before = int(self.world.sql(live)[0][0])
        self.assertGreaterEqual(before, DEVICES)
        report = self.run_all("device-attach", "--detach")
        self.assertEqual(DEVICES, report["completed"])
        self.assertEqual(DEVICES, report["steps"]["9 detach"]["requests"])
        self.assertEqual(before - DEVICES, int(self.world.sql(live)[0][0]))

    def test_profile_download(self):
        report = self.run_all("profile-download")
        self.assertEqual(DEVICES, report["completed"])
        self.assertEqual(DEVICES, report["acknowledged"])
        self.assertEqual(DEVICES, report["steps"]["5 auth data"]["requests"])
        # half of them verified: only these authenticate
        report = self.run_all("profile-download", "--verify", "50")
        self.assertEqual(DEVICES, report["completed"])
        self.assertEqual(DEVICES // 2, report["steps"]["5 auth data"]["requests"])

    def test_without_its_root(self):
        """Nobody has asked the server to trust this maker: each device is refused, and that counts as wrong."""
        folder = self.world.path("strangers")
        self.make_fleet("device-attach", 5, folder)
        report = self.load("--procedure", "device-attach", "--no-trust", fleet=folder, status=1)
        self.assertEqual({"CERTIFICATE_UNTRUSTED": 5}, report["errors"])
        self.assertEqual(0, report["completed"])

    def test_fleet_of_another_procedure(self):
        done = self.world.run("arpfload", "run", "--procedure", "profile-download", "--fleet",
                              f"{self.fleets}/auth-data", check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("a fleet of auth-data", done.stderr)


class Mixes(LoadCase):
    SHARES = {"initial-attach": 6, "first-auth": 4, "auth-data": 20, "companion-dh": 5, "headless-device": 4,
              "device-attach": 3, "profile-download": 3}

    def test_all_at_once(self):
        report = self.load("--mix", ",".join("%s=%d" % share for share in self.SHARES.items()))
        self.assertEqual(0, report["wrongAnswers"])
        found = {run["procedure"]: run for run in report["procedures"]}
        self.assertEqual(list(self.SHARES), list(found))
        had = {}
        for name, run in found.items():
            self.assertEqual({}, run["errors"], name)
            phase = run["vectors" if name == "initial-attach" else "measured"]
            had[name] = phase["devices"]
            self.assertGreater(phase["latencyMs"]["p50"], 0, name)
        self.assertEqual(sum(had.values()), report["total"]["devices"])
        # until the first fleet is through: that of the greatest share but for those that begin again
        self.assertEqual(DEVICES, had["initial-attach"])
        for name, share in self.SHARES.items():
            self.assertAlmostEqual(DEVICES * share / 6, had[name], delta=2, msg=name)
        self.assertEqual(had["initial-attach"], found["initial-attach"]["acknowledged"])
        self.assertEqual(had["first-auth"], found["first-auth"]["completed"])

    def test_faulty_devices_are_refused(self):
        folder = self.world.path("faulty")
        os.mkdir(folder)
        self.world.run("arpfload", "fleet", "create", "--procedure", "initial-attach", "--devices", "40",
                       "--bad", "30", "--out", f"{folder}/initial-attach")
        os.symlink(f"{self.fleets}/auth-data", f"{folder}/auth-data")
        report = self.load("--mix", "initial-attach=1,auth-data=1", fleet=folder)
        self.assertEqual(12, report["procedures"][0]["expectedRefusals"])
        self.assertEqual(28, report["procedures"][0]["acknowledged"])

    def test_ends_by_duration(self):
        report = self.load("--mix", "auth-data=3", "--duration", "1", "--rate", "20")
        self.assertTrue(1 <= report["total"]["devices"] <= 21, report["total"])

    def test_refused(self):
        for arguments in (("--mix", "auth-data=1"), ("--mix", "nothing=1", "--duration", "1"),
                          ("--mix", "auth-data=1", "--procedure", "auth-data"), ()):
            done = self.world.run("arpfload", "run", "--fleet", self.fleets, *arguments, check=False)
            self.assertNotEqual(0, done.returncode, arguments)
            self.assertNotEqual("", done.stderr)


class Walks(LoadCase):
    def test_device_attach(self):
        shown = self.walk("--procedure", "device-attach")
        for step in ("(1)", "(2)", "(3)", "(4)", "(6)"):
            self.assertIn(step, shown)
        self.assertIn("410 SESSION_EXPIRED", shown)

    def test_life_of_a_profile(self):
        """One eUICC: its profile, what an operator does to it, and the next one it downloads."""
        folder, saved = self.world.path("euicc"), self.world.path("saved")
        self.make_fleet("device-attach", 1, folder)
        download = ("--procedure", "profile-download", "--fleet", folder, "--save", saved)
        shown = self.walk(*download)
        for step in range(1, 8):
            self.assertIn("(%d)" % step, shown)
        with open(saved + ".supi") as file:
            supi = file.read()
        self.assertIn(supi, shown)
        self.assertEqual(0o600, os.stat(saved + ".k").st_mode & 0o777)
        authenticate = ("--procedure", "auth-data", "--supi", supi, "--k-file", saved + ".k", "--opc-file",
                        saved + ".opc")
        self.walk(*authenticate)
        self.walk(*authenticate, "--expect", "CREDENTIAL_SUSPENDED", status=1)
        self.operate(supi, "suspend")
        self.assertIn("403 CREDENTIAL_SUSPENDED", self.walk(*authenticate, "--expect", "CREDENTIAL_SUSPENDED"))
        self.walk(*authenticate, status=1)
        self.operate(supi, "resume")
        self.operate(supi, "rekey")
        self.walk(*authenticate)  # by the old key, which serves until the new one is installed
        os.rename(saved + ".k", saved + ".old")
        self.walk(*download)
        self.walk(*authenticate)
        with open(saved + ".supi") as file:
            self.assertEqual(supi, file.read())
        os.replace(saved + ".old", saved + ".k")
        self.walk(*authenticate, status=1)

    def operate(self, supi, operation):
        answer = self.world.request("POST", f"/admin/v1/subscriptions/{supi}/{operation}", {})
        self.assertEqual(200, answer.status, answer)

    def test_secure_element_downloads(self):
        shown = self.walk("--procedure", "first-auth", "--download")
        self.assertIn("(11)", shown)
        self.assertIn("INSTALLED", shown)


if __name__ == "__main__":
    world.main()
