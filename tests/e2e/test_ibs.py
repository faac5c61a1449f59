#!/usr/bin/python3
"""The KMS and its identities (RFC 6507), as an operator has them issued and a companion UE then sees them."""
import datetime
import json

import protocol
import world

MONTH = "%Y-%m"
DAY = "%Y-%m-%d"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class IbsCase(world.WorldCase):
    is_rough = True

    def ibs(self, *words, expect=0):
        done = self.world.run("arpfctl", "ibs", *words, "--json", check=False)
        self.assertEqual(expect, done.returncode, done)
        return json.loads(done.stdout) if expect == 0 else done.stderr

    def in_use(self):
        return [i["id"] for i in self.ibs("show")["identities"] if i["inUse"]]

    def ids(self):
        return [i["id"] for i in self.ibs("show")["identities"]]

    def parameters(self):
        answer = self.world.request("GET", "/narpf-companion/v1/ibs-parameters")
        self.assertEqual(200, answer.status, answer)
        return answer.json


class Kms(IbsCase):
    def test_there_is_one_and_it_stays(self):
        kpak = self.ibs("show")["kms"]["kpak"]
        self.assertEqual((65, 4), (len(protocol.unb64(kpak)), protocol.unb64(kpak)[0]))
        self.assertIn("CONFLICT", self.ibs("kms-init", expect=1))
        self.assertEqual({"kpak": kpak, "made": False}, self.ibs("kms-init", "--if-missing"))
        self.assertEqual(kpak, self.ibs("show")["kms"]["kpak"])

    def test_its_secret_is_wrapped(self):
        rows = self.world.sql("select length(wrapped_ksak), kek_generation from ibs_kms")
        self.assertEqual([["40", "1"]], rows)
        for length, in self.world.sql("select length(wrapped_ssk) from ibs_identities"):
            self.assertEqual("40", length)

    def test_the_server_signs_by_this_months_identity(self):
        name = self.world.environment["ARPF_AF_FQDN"]
        parameters = self.parameters()
        self.assertEqual({"suite": "eccsi-p256-sha256", "kpak": self.ibs("show")["kms"]["kpak"]},
                         {m: parameters[m] for m in ("suite", "kpak")})
        self.assertIn(now().strftime(MONTH) + " " + name, self.ids())
        self.assertEqual([parameters["signerId"]], self.in_use())


class Issue(IbsCase):
    def test_the_period_is_in_the_identity(self):
        for id, first, last in (
                ("2011-02 tel:+447700900123", "2011-02-01T00:00:00Z", "2011-02-28T23:59:59Z"),
                ("2024-02-29 a day", "2024-02-29T00:00:00Z", "2024-02-29T23:59:59Z"),
                ("2011:a year", "2011-01-01T00:00:00Z", "2011-12-31T23:59:59Z")):
            said = {"id": id, "notBefore": first, "notAfter": last}
            self.assertEqual({**said, "issued": True}, self.ibs("issue", "--id", id))
            self.assertEqual({**said, "issued": False}, self.ibs("issue", "--id", id))
            self.assertIn({**said, "inUse": False}, self.ibs("show")["identities"])

    def test_a_name_is_for_this_month(self):
        self.assertIn(self.ibs("issue", "--id", "a name ä")["id"],
                      [now().strftime(MONTH) + " a name ä"])

    def test_refused(self):
        before = self.ids()
        for id in ("2026-13 a", "2025-02-29 a", "", "a\x01b", "a\nb", "x" * 121, "2026-01 " + "x" * 121):
            self.assertIn("INVALID_PARAMETER", self.ibs("issue", "--id", id, expect=1))
        self.assertEqual(before, self.ids())
        self.assertEqual(128, len(self.ibs("issue", "--id", "2012-01 " + "x" * 120)["id"]))
        done = self.world.run("arpfctl", "ibs", "issue", check=False)
        self.assertEqual(2, done.returncode, done)

    def test_the_newest_is_taken_into_use_at_once(self):
        id = now().strftime(DAY) + " another.example"
        self.ibs("issue", "--id", id)
        self.assertEqual([id], self.in_use())
        world.wait_until(lambda: self.parameters()["signerId"] == id, 10, "the server signs by it")


class Renewal(IbsCase):
    def test_what_ends_is_followed(self):
        today = now()
        days = [(today + datetime.timedelta(days=n)).strftime(DAY) + " renewed" for n in range(-1, 5)]
        self.ibs("issue", "--id", days[0])
        self.ibs("issue", "--id", "2011-02 long ago")
        issued = [i["id"] for i in self.ibs("renew", "--within", "3")["issued"]]
        for id in days[1:5]:
            self.assertIn(id, issued)
        self.assertNotIn(days[5], issued)
        self.assertIn(today.strftime(MONTH) + " long ago", issued)
        self.assertNotIn("2011-03 long ago", issued)
        self.assertEqual({"issued": []}, self.ibs("renew", "--within", "3"))
        self.assertEqual(len(set(self.ids())), len(self.ids()))

    def test_used_wrongly(self):
        for days in ("-1", "soon", "", "400"):
            done = self.world.run("arpfctl", "ibs", "renew", "--within", days, check=False)
            self.assertEqual(2, done.returncode, done)


class Up(IbsCase):
    def test_may_be_repeated(self):
        before = self.ibs("show")
        pid = self.world.arpfd_pid()
        self.world.start()
        self.assertEqual((before, pid), (self.ibs("show"), self.world.arpfd_pid()))
        self.world.stop()
        self.world.start()
        self.assertEqual(before, self.ibs("show"))


if __name__ == "__main__":
    world.main()
