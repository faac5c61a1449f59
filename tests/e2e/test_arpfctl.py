#!/usr/bin/python3
"""arpfctl on subscriptions, one and many, as its users see it; its completion and its manual."""
import json
import os
import re
import secrets
import subprocess
import time

import usim
import world

FIRST = 77000000


def supi(n):
    return "imsi-0010100%08d" % (FIRST + n)


class ArpfctlCase(world.WorldCase):
    cards = [usim.Usim(supi(n)) for n in range(1, 3601)]
    imported = set()  # the worlds that have them

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.world in cls.imported:
            return
        cls.imported.add(cls.world)
        path = cls.world.path("subscribers.csv")
        with open(path, "w", opener=lambda p, flags: os.open(p, flags, 0o600)) as f:
            f.write("supi,k,opc\n")
            f.writelines("%s,%s,%s\n" % (c.supi, c.k.hex(), c.opc.hex()) for c in cls.cards)
        cls.world.run("arpfctl", "subscriber", "import", path)

    def ctl(self, *arguments, expect=0, stdin=None):
        done = subprocess.run([self.world.program("arpfctl"), *arguments], env=self.world.environment,
                              input=stdin, capture_output=True, text=True, timeout=300)
        self.assertEqual(expect, done.returncode, (arguments, done))
        return done

    def answer(self, *arguments, **options):
        return json.loads(self.ctl(*arguments, "--json", **options).stdout)

    def state_of(self, n):
        return self.answer("subscription", "show", supi(n))["state"]

    def write_list(self, name, numbers, *more):
        path = self.world.path(name)
        with open(path, "w") as f:
            f.writelines(line + "\n" for line in [*map(supi, numbers), *more])
        return path

    def assert_refused(self, done, *words):
        """Told on stderr alone."""
        self.assertEqual("", done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)


class One(ArpfctlCase):
    def test_from_suspension_to_its_end(self):
        one = supi(1)
        answer = self.answer("subscription", "suspend", one)
        self.assertEqual({"supi": one, "was": "ACTIVE", "state": "SUSPENDED", "version": 1}, answer)
        self.assert_problem(usim.ask_vector(self.world, one), 403, "CREDENTIAL_SUSPENDED")
        self.assert_refused(self.ctl("subscription", "suspend", one, expect=1), "CONFLICT", "SUSPENDED")
        self.assertIn("ACTIVE", self.ctl("subscription", "resume", one).stdout)
        self.assertEqual(200, usim.ask_vector(self.world, one).status)
        answer = self.answer("subscription", "rekey", one, "--overlap", "600")
        self.assertEqual(2, answer["version"])
        versions = self.answer("credential", "list", "--supi", one)["items"]
        self.assertEqual([(2, "PRE_ACTIVE"), (1, "ACTIVE")],
                         [(v["version"], v["state"]) for v in versions])
        table = self.ctl("credential", "list", "--supi", one).stdout.splitlines()
        self.assertEqual(3, len(table))
        self.assertRegex(table[0], "^VERSION +KIND +STATE ")
        self.assertEqual("REVOKED", self.answer("subscription", "revoke", one)["state"])
        self.assert_problem(usim.ask_vector(self.world, one), 403, "CREDENTIAL_REVOKED")
        self.assertEqual({"supi": one, "state": "DESTROYED"}, self.answer("subscription", "delete", one))
        self.assertEqual([False, False],
                         [v["hasKey"] for v in self.answer("credential", "list", "--supi", one)["items"]])
        self.assert_refused(self.ctl("subscription", "delete", one, expect=1), "CONFLICT")

    def test_nobody(self):
        for words in (("show",), ("suspend",), ("delete",), ("rekey",)):
            done = self.ctl("subscription", *words, "imsi-001010099999999", expect=1)
            self.assert_refused(done, "USER_NOT_FOUND")
        self.ctl("credential", "list", "--supi", "imsi-1", expect=2)

    def test_usage(self):
        path = self.write_list("usage", [2])
        for words in ((), (supi(2), "--file", path), ("--file", path, "--select", "kind=EK"),
                      (supi(2), "--no-wait"), (supi(2), "--restart"), ("--select", "kind=EK", "--skip-bad"),
                      ("--file", path, "--job", "12"), ("--select", ""), ("--select", "kinds=EK"),
                      ("--file", path, "--overlap", "5")):
            self.assert_refused(self.ctl("subscription", "suspend", *words, expect=2), "USAGE")
        for overlap in ("", "x", "-1", "1.5", "99999999999999999999"):
            self.assert_refused(self.ctl("subscription", "rekey", supi(2), "--overlap=" + overlap,
                                         expect=2), "USAGE")
        self.assertEqual("ACTIVE", self.state_of(2))


class Many(ArpfctlCase):
    def test_a_file_and_the_same_again(self):
        path = self.write_list("suspend", range(100, 2200), "", "# who there is not", supi(9000),
                               supi(100))
        done = self.ctl("subscription", "suspend", "--file", path, "--json", expect=1)
        answer = json.loads(done.stdout)
        self.assertEqual(("suspend", "DONE", 2102, 2100, 2), tuple(
            answer[m] for m in ("operation", "state", "items", "done", "refused")))
        self.assertEqual([(2103, supi(9000), "USER_NOT_FOUND"), (2104, supi(100), "CONFLICT")],
                         [(r["place"], r["supi"], r["cause"]) for r in answer["refusals"]])
        self.assertIn(answer["id"], done.stderr)
        self.assertEqual("SUSPENDED", self.state_of(2199))
        self.assertEqual("ACTIVE", self.state_of(2200))
        # The same again: what was answered, and nothing is done.
        self.ctl("subscription", "resume", supi(101))
        done = self.ctl("subscription", "suspend", "--file", path, "--json", expect=1)
        self.assertEqual(answer, json.loads(done.stdout))
        self.assertIn("ended before", done.stderr)
        self.assertEqual("ACTIVE", self.state_of(101))
        again = self.answer("subscription", "suspend", "--file", path, "--restart", expect=1)
        self.assertNotEqual(answer["id"], again["id"])
        self.assertEqual((1, 2101), (again["done"], again["refused"]))
        self.assertEqual(2101, len(again["refusals"]))
        # For people: what became of it, and then the refused.
        lines = self.ctl("subscription", "suspend", "--file", path, expect=1).stdout.splitlines()
        self.assertRegex("\n".join(lines[:8]), r"(?m)^done +2100$")
        self.assertRegex(lines[-3], "^PLACE +SUPI +CAUSE +STATE$")
        self.assertRegex(lines[-1], "^2104 +%s +CONFLICT +SUSPENDED$" % supi(100))

    def test_bad_lines_begin_nothing(self):
        path = self.write_list("bad", [2250], "imsi-12", supi(2251), supi(2251)[5:])
        before = len(self.answer("job", "list")["items"])
        done = self.ctl("subscription", "suspend", "--file", path, expect=1)
        self.assert_refused(done, "line 2:", "line 4:", "INVALID_PARAMETER", "--skip-bad")
        self.assertEqual(before, len(self.answer("job", "list")["items"]))
        self.assertEqual("ACTIVE", self.state_of(2250))
        done = self.ctl("subscription", "suspend", "--file", path, "--skip-bad", "--json")
        self.assertIn("line 4:", done.stderr)
        self.assertEqual(2, json.loads(done.stdout)["done"])
        for content in ("", "# none\n\n"):
            done = self.ctl("subscription", "suspend", "--file", "-", stdin=content, expect=1)
            self.assert_refused(done, "INVALID_PARAMETER")
        self.assert_refused(self.ctl("subscription", "suspend", "--file", "/nowhere", expect=1),
                            "FILE_NOT_READ")

    def test_standard_input_and_no_wait(self):
        lines = "\r\n".join(map(supi, range(2260, 2270)))
        job = self.answer("subscription", "revoke", "--file", "-", "--no-wait", stdin=lines)
        self.assertIn(job["state"], ("RUNNING", "DONE"))
        answer = self.answer("subscription", "revoke", "--file", "-", stdin=lines)
        self.assertEqual((job["id"], "DONE", 10), (answer["id"], answer["state"], answer["done"]))
        self.assertEqual("REVOKED", self.state_of(2269))
        shown = self.answer("job", "show", job["id"])
        self.assertEqual(10, shown["done"])
        self.assertEqual({"items": []}, self.answer("job", "show", job["id"], "--refusals"))
        self.assertIn(job["id"], self.ctl("job", "list").stdout)
        self.assert_refused(self.ctl("job", "cancel", job["id"], expect=1), "CONFLICT", "DONE")
        self.assert_refused(self.ctl("job", "show", "0" * 32, expect=1), "RESOURCE_NOT_FOUND")
        self.assert_refused(self.ctl("job", "show", "1", expect=2), "USAGE")

    def test_a_job_that_was_left_open_is_gone_on_with(self):
        """As one that was interrupted while its items were handed in."""
        path = self.write_list("left", range(2270, 2280))
        job = secrets.token_hex(16)
        put = self.world.request("PUT", "/admin/v1/jobs/" + job, {"operation": "suspend"})
        self.assertEqual(201, put.status, put)
        added = self.world.request("POST", "/admin/v1/jobs/%s/items" % job,
                               {"items": [{"place": 1, "supi": supi(2270)}]})
        self.assertEqual(200, added.status, added)
        answer = self.answer("subscription", "suspend", "--file", path, "--job", job)
        self.assertEqual((10, 10, 0), (answer["items"], answer["done"], answer["refused"]))
        # It is of another operation than that.
        self.assert_refused(self.ctl("subscription", "resume", "--file", path, "--job", job, expect=1),
                            "CONFLICT")

    def test_a_selection(self):
        condition = "first=%s last=%s kind=IMPORTED" % (supi(2280), supi(2289))
        answer = self.answer("subscription", "suspend", "--select", condition)
        self.assertEqual((10, 0, []), (answer["done"], answer["refused"], answer["refusals"]))
        self.assertEqual("IMPORTED", answer["selection"]["kind"])
        self.assertEqual("SUSPENDED", self.state_of(2285))
        items = self.answer("subscription", "list", "--select", condition + " state=SUSPENDED")["items"]
        self.assertEqual([supi(n) for n in range(2280, 2290)], [i["supi"] for i in items])
        self.assert_refused(self.ctl("subscription", "list", "--select", "kind=NONE", expect=1),
                            "INVALID_PARAMETER", "kind")
        self.assert_refused(self.ctl("subscription", "revoke", "--select", "first=x", expect=1),
                            "INVALID_PARAMETER", "first")
        # Two selections are two jobs.
        again = self.answer("subscription", "resume", "--select", condition)
        self.assertEqual(10, again["done"])
        twice = self.answer("subscription", "suspend", "--select", condition)
        self.assertNotEqual(answer["id"], twice["id"])
        self.assertEqual(10, twice["done"])

    def test_a_list_of_many_pages(self):
        items = self.answer("subscription", "list")["items"]
        self.assertEqual([c.supi for c in self.cards], [i["supi"] for i in items])
        lines = self.ctl("subscription", "list").stdout.splitlines()
        self.assertEqual(len(self.cards) + 1, len(lines))


class Away(ArpfctlCase):
    is_rough = True

    def test_a_server_that_is_away(self):
        """Where nothing has begun that is said at once; a job that has is watched on, over a restart."""
        path = self.write_list("away", range(1, 2301))
        self.world.stop()
        done = self.ctl("subscription", "suspend", "--file", path, expect=1)
        self.assert_refused(done, "SERVER_NOT_REACHABLE")
        self.world.start()
        watching = self.world.begin("arpfctl", "subscription", "suspend", "--file", path, "--json")
        while not [j for j in self.answer("job", "list")["items"] if j["state"] != "OPEN"]:
            time.sleep(0.01)
        self.world.stop()
        self.world.start()
        said = watching.communicate(timeout=300)[0]
        self.assertEqual(0, watching.returncode, said)
        self.assertIn('"done":2300,"refused":0', said)


class Audit(ArpfctlCase):
    def test_events_are_listed_newest_first(self):
        began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 2))
        self.ctl("subscription", "suspend", supi(50))
        self.ctl("subscription", "suspend", supi(50), expect=1)
        self.ctl("subscription", "resume", supi(50))
        found = self.answer("audit", "list", "--subject", supi(50))["items"]
        self.assertEqual(["RESUMED", "CHANGE_REFUSED", "SUSPENDED"], [e["action"] for e in found[:3]])
        self.assertEqual(found[:2], self.answer("audit", "list", "--subject", supi(50), "--limit",
                                                "2")["items"])
        only = self.answer("audit", "list", "--subject", supi(50), "--action", "SUSPENDED", "--since",
                           began)["items"]
        self.assertEqual([found[2]], only)
        self.assertEqual([], self.answer("audit", "list", "--until", "1000000000")["items"])
        self.assertEqual([], self.answer("audit", "list", "--actor", "nobody")["items"])
        for words in (("--since", "yesterday"), ("--limit", "0"), ("--until", "")):
            self.assert_refused(self.ctl("audit", "list", *words, expect=2), "USAGE")
        self.assert_refused(self.ctl("audit", "list", "--action", "NONE", expect=1), "INVALID_PARAMETER")

    def test_all_pages(self):
        path = self.write_list("audited", range(2400, 3600))
        self.ctl("subscription", "suspend", "--file", path)
        found = self.answer("audit", "list", "--action", "SUSPENDED")["items"]
        self.assertGreaterEqual(len(found), 1200)
        self.assertEqual(len(found), len({e["id"] for e in found}))
        self.assertEqual(1100, len(self.answer("audit", "list", "--action", "SUSPENDED", "--limit",
                                               "1100")["items"]))


class FromTheTable(ArpfctlCase):
    def complete(self, *words):
        script = self.world.run("arpfctl", "completion", "bash").stdout
        asked = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _arpfctl; echo "${COMPREPLY[*]}"'
        done = subprocess.run(["bash", "-c", script + asked, "bash", "arpfctl", *words],
                              capture_output=True, text=True, check=True)
        self.assertEqual("", done.stderr)
        return done.stdout.split()

    def test_completion(self):
        help_text = self.ctl("--help").stdout
        nouns = list(dict.fromkeys(re.findall(r"(?m)^  ([a-z][a-z-]*)", help_text)))
        self.assertEqual(nouns, self.complete(""))
        self.assertEqual(["list", "show", "suspend", "resume", "revoke", "rekey", "delete"],
                         self.complete("subscription", ""))
        self.assertEqual(["--skip-bad", "--select"],
                         sorted(self.complete("subscription", "revoke", "--s"), reverse=True)[1:])
        self.assertEqual(["se", "device", "euicc", "arpf"], self.complete("trust", "add", "--use", ""))

    def test_manual(self):
        page = self.ctl("manual").stdout
        self.assertTrue(page.startswith(".TH ARPFCTL 1"))
        for line in self.ctl("--help").stdout.splitlines():
            command = re.match(r"  ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", line)
            if command and not line.startswith("   "):
                self.assertIn('.SS "%s"' % command[1], page)
        self.assertIn("\\-\\-overlap", self.ctl("manual", "subscription").stdout)
        self.assert_refused(self.ctl("manual", "nothing", expect=2), "USAGE")


if __name__ == "__main__":
    world.main()
