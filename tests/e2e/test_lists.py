#!/usr/bin/python3
"""The lists of the administration API and their filters, over HTTP and by arpfctl."""
import json
import re
import subprocess
import time

import world

BINDINGS, JOBS, ANCHORS = "/admin/v1/bindings", "/admin/v1/jobs", "/admin/v1/trust-anchors"
REVOCATIONS, CRLS, POOLS = "/admin/v1/revocations", "/admin/v1/crls", "/admin/v1/imsi-pools"
EVENTS, OVERDUE = "/admin/v1/audit/events", "/admin/v1/credentials/overdue"
LISTS = (BINDINGS, JOBS, ANCHORS, REVOCATIONS, CRLS, POOLS, EVENTS, OVERDUE, "/admin/v1/subscriptions",
         "/admin/v1/keys", "/admin/v1/audit/trees")
FIRST = 990900000000000  # dIMSIs and IMSIs of this file
HASH = "ab" * 32


def dimsi(n):
    return "%015d" % (FIRST + n)


class ListCase(world.WorldCase):
    def pages(self, path, query, cursor="after"):
        """All items, and how many pages they were."""
        items, after, count = [], "", 0
        while after is not None:
            page = self.world.request("GET", "%s?%s%s" % (path, query, after))
            self.assertEqual(200, page.status, page)
            self.assertEqual({"items", "next"}, set(page.json))
            items += page.json["items"]
            after = page.json["next"] and "&%s=%s" % (cursor, page.json["next"])
            count += 1
        return items, count

    def items(self, path, query):
        return self.pages(path, query)[0]

    def ctl(self, *arguments, expect=0):
        done = subprocess.run([self.world.program("arpfctl"), *arguments], env=self.world.environment,
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(expect, done.returncode, (arguments, done))
        return done

    def answer(self, *arguments):
        return json.loads(self.ctl(*arguments, "--json").stdout)["items"]


class Bindings(ListCase):
    filled = set()

    def setUp(self):
        """Sixty of them; the first are PLMN 99090's, the last ten 99091's."""
        if self.world not in self.filled:
            self.filled.add(self.world)
            self.world.sql(
                "INSERT INTO bindings SELECT %d + n, %d + n + CASE WHEN n < 50 THEN 0 ELSE 10000000000 END,"
                " 1, 1000 + n, 2000 + n, n %% 6, 'listed-' || n / 20, sha256(n::text::bytea), '', ''"
                " FROM generate_series(0, 59) n" % (FIRST, FIRST))

    def listed(self, query):
        return [item["dimsi"] for item in self.items(BINDINGS, "first=%s&last=%s&%s" % (dimsi(0), dimsi(59), query))]

    def test_each_filter(self):
        for query, expected in (
                ("limit=7", range(60)), ("state=ATTACHED", range(2, 60, 6)), ("state=REVOKED", range(5, 60, 6)),
                ("seId=listed-1", range(20, 40)), ("seId=listed", ()), ("plmn=99090", range(50)),
                ("plmn=99091", range(50, 60)), ("plmn=990901", ()), ("plmn=990900", range(50)),
                ("firstSupi=imsi-%s" % dimsi(48), range(48, 60)), ("lastSupi=%s" % dimsi(2), range(3)),
                ("createdSince=1058", (58, 59)), ("createdBefore=1970-01-01T00:16:42Z", (0, 1)),
                ("changedSince=1970-01-01T00:34:19Z", (59,)), ("changedBefore=2001", (0,))):
            self.assertEqual([dimsi(n) for n in expected], self.listed(query), query)

    def test_all_must_hold(self):
        self.assertEqual([dimsi(26), dimsi(32)],
                         self.listed("state=ATTACHED&seId=listed-1&createdSince=1025&changedBefore=2035&limit=1"))
        self.assertEqual([], self.listed("state=READY&createdSince=1013&createdBefore=1018"))
        self.assertEqual([dimsi(50)], self.listed("plmn=99091&lastSupi=imsi-%015d" % (FIRST + 50 + 10000000000)))
        whole = self.items(BINDINGS, "first=%s&last=%s" % (dimsi(9), dimsi(9)))
        self.assertEqual([{"dimsi", "supi", "seId", "state", "tokenHash", "createdAt", "changedAt"}],
                         [set(item) for item in whole])

    def test_a_real_one(self):
        device = self.issuer.device(self.arpf)
        before = int(self.world.sql("SELECT floor(extract(epoch FROM now()))")[0][0])
        supi = self.assert_attached(device, self.world.attach(device))
        for query in ("seId=" + device.se_id, "first=%s&last=imsi-%s" % (device.dimsi, device.dimsi),
                      "firstSupi=%s&lastSupi=%s&plmn=00101" % (supi, supi),
                      "seId=%s&createdSince=%d&changedSince=%d" % (device.se_id, before, before)):
            self.assertEqual([supi], [item["supi"] for item in self.items(BINDINGS, query)], query)
        self.assertEqual([], self.items(BINDINGS, "seId=%s&changedBefore=%d" % (device.se_id, before)))

    def test_few_among_many(self):
        """A page looks at ten thousand and no more; who follows `next` finds all."""
        self.world.sql("INSERT INTO bindings SELECT %d + n, %d + n, 1, 1, 1, 0, CASE WHEN n %% 9000 = 1 THEN 'rare'"
                       " ELSE 'frequent' END, sha256(n::text::bytea), '', '' FROM generate_series(1, 31000) n"
                       % (FIRST + 1000000, FIRST + 1000000))
        items, pages = self.pages(BINDINGS, "seId=rare&first=" + dimsi(1000000))
        self.assertEqual([dimsi(1000000 + n) for n in (1, 9001, 18001, 27001)], [item["dimsi"] for item in items])
        self.assertEqual(4, pages)
        page = self.world.request("GET", BINDINGS + "?seId=nobody&first=" + dimsi(1000000)).json
        self.assertEqual(([], FIRST + 1000000 + 10001), (page["items"], page["next"]))
        # What is not filtered fills its pages.
        self.assertEqual(2, self.pages(BINDINGS, "limit=1000&first=%s&last=%s" % (dimsi(1000001), dimsi(1002000)))[1])
        self.assertEqual(4, len(self.answer("binding", "list", "--se-id", "rare")))
        self.world.sql("DELETE FROM bindings WHERE se_id IN ('rare', 'frequent')")

    def test_by_arpfctl(self):
        here = ("--first", dimsi(0), "--last", dimsi(59))
        for words, count in ((("--state", "ATTACHED"), 10), (("--se-id=listed-2",), 20), (("--plmn", "99091"), 10),
                             (("--first-supi", "imsi-" + dimsi(58), "--last-supi", dimsi(59)), 0),
                             (("--created-since", "1050", "--created-before", "1055"), 5),
                             (("--changed-since", "1970-01-01T00:34:00Z", "--changed-before", "2045"), 5),
                             (("--limit", "3"), 3), (("--state", "READY", "--limit", "4"), 4)):
            self.assertEqual(count, len(self.answer("binding", "list", *here, *words)), words)
        table = self.ctl("binding", "list", *here, "--se-id", "listed-0", "--state", "REVOKED").stdout.splitlines()
        self.assertEqual(4, len(table))
        self.assertRegex(table[0], "^DIMSI +SUPI +STATE ")
        for words in (("--changed-since", "yesterday"), ("--limit", "0"), ("--limit", "x"), ("--created-before", ""),
                      ("--se-ids", "x"), ("--state",)):
            done = self.ctl("binding", "list", *words, expect=2)
            self.assertEqual(("", True), (done.stdout, "USAGE" in done.stderr), done)
        done = self.ctl("binding", "list", "--state", "GONE", expect=1)
        self.assertEqual("", done.stdout)
        self.assertRegex(done.stderr, "INVALID_PARAMETER: state: .*VECTORS_SENT")


class Others(ListCase):
    def test_jobs(self):
        before = int(time.time()) - 2
        ids = ["%032x" % (7 << 100 | n) for n in range(3)]
        for n, job in enumerate(ids):
            self.world.request("PUT", "%s/%s" % (JOBS, job), {"operation": "suspend" if n else "rekey"})
        self.world.request("POST", "%s/%s/cancel" % (JOBS, ids[1]))

        def found(query):
            return [item["id"] for item in self.items(JOBS, query) if item["id"] in ids]

        for query, expected in (("", (0, 1, 2)), ("state=OPEN", (0, 2)), ("state=CANCELLED", (1,)),
                                ("operation=suspend", (1, 2)), ("operation=suspend&state=OPEN", (2,)),
                                ("createdSince=%d&limit=1" % before, (0, 1, 2)), ("createdBefore=%d" % before, ())):
            self.assertEqual([ids[n] for n in expected], found(query), query)
        for words, expected in (((), ids), (("--state", "CANCELLED"), ids[1:2]), (("--operation", "rekey"), ids[:1]),
                                (("--created-before", "1000"), [])):
            listed = [item["id"] for item in self.answer("job", "list", *words)]
            self.assertEqual(expected, [job for job in listed if job in ids], words)

    def test_trust(self):
        uses = [item["use"] for item in self.items(ANCHORS, "")]
        self.assertIn("se", uses)
        for use in ("se", "device", "euicc", "arpf"):
            self.assertEqual([use] * uses.count(use), [item["use"] for item in self.items(ANCHORS, "use=" + use)])
            self.assertEqual(uses.count(use), len(self.answer("trust", "list", "--use", use)))

    def test_revocations(self):
        self.world.sql("INSERT INTO revocations (issuer_hash, serial, revoked_at)"
                       " SELECT decode('%s', 'hex'), decode(lpad(to_hex(n), 4, '1'), 'hex'), 5000 + n"
                       " FROM generate_series(16, 25) n" % HASH)
        for query, count in (("", 10), ("&serial=1110", 1), ("&serial=00001110", 1), ("&serial=1109", 0),
                             ("&revokedSince=5024", 2), ("&revokedBefore=5017", 1), ("&limit=3", 10)):
            self.assertEqual(count, len(self.items(REVOCATIONS, "issuerHash=" + HASH + query)), query)
        self.assertEqual([], self.items(REVOCATIONS, "serial=1110&issuerHash=" + "00" * 32))
        self.assertEqual(["1119"], [item["serial"] for item in self.answer(
            "revoke", "list", "--issuer-hash", HASH.upper(), "--revoked-since", "1970-01-01T01:23:45Z")])
        self.assertEqual(2, len(self.answer("revoke", "list", "--issuer-hash", HASH, "--limit", "2")))
        for serial in ("11:19", "0x1119", "001119", "01119"):
            self.assertEqual(1, len(self.answer("revoke", "list", "--issuer-hash", HASH, "--serial", serial)), serial)

    def test_crls(self):
        self.world.sql("INSERT INTO crls (issuer_hash, scope, signer, crl_number, this_update, next_update, entries,"
                       " added_at) SELECT decode('%s', 'hex'), '', sha256(n::text::bytea), '', 1, 4000000000 + n, 0, 1"
                       " FROM generate_series(1, 3) n" % ("cd" * 32))
        for query, count in (("issuerHash=" + "CD" * 32, 3), ("issuerHash=" + "ce" * 32, 0),
                             ("issuerHash=%s&nextUpdateBefore=4000000003" % ("cd" * 32), 2)):
            self.assertEqual(count, len(self.items(CRLS, query)), query)
        self.assertEqual(1, len(self.answer("revoke", "crls", "--issuer-hash", "cd" * 32, "--next-update-before",
                                            "2096-10-02T07:06:42Z")))
        self.world.sql("DELETE FROM crls WHERE issuer_hash = decode('%s', 'hex')" % ("cd" * 32))

    def test_pools(self):
        self.world.run("arpfctl", "imsi-pool", "add", "--plmn", "99095", "--first", "1", "--last", "9")
        self.world.run("arpfctl", "imsi-pool", "add", "--plmn", "990951", "--first", "1", "--last", "9")
        for plmn in ("99095", "990951"):
            self.assertEqual([plmn], [item["plmn"] for item in self.items(POOLS, "plmn=" + plmn)])
            self.assertEqual([plmn], [item["plmn"] for item in self.answer("imsi-pool", "list", "--plmn", plmn)])
        self.assertEqual([], self.items(POOLS, "plmn=99096"))

    def test_overdue(self):
        first = FIRST + 2000000
        self.world.sql("INSERT INTO credentials (imsi, dimsi, created_at, changed_at, version, state, sealed,"
                       " not_after, kind, owner) SELECT %d + n, 0, 1, 1, 1, 1, 'k', 3000 + n / 2, n %% 5,"
                       " CASE n %% 2 WHEN 0 THEN %d ELSE 0 END FROM generate_series(0, 19) n" % (first, first))
        here = "first=imsi-%015d&last=%015d&" % (first, first + 19)
        for query, count in (("limit=3", 20), ("kind=HEADLESS", 4), ("owner=%015d" % first, 10),
                             ("owner=%015d&kind=EK" % first, 2), ("expiresSince=3008", 4),
                             ("expiresBefore=1970-01-01T00:50:01Z", 2)):
            self.assertEqual(count, len(self.items(OVERDUE, here + query)), query)
        self.assertEqual(["imsi-%015d" % (first + 18)], [item["supi"] for item in self.answer(
            "credential", "overdue", "--first", "imsi-%015d" % first, "--last", "%015d" % (first + 19), "--kind",
            "HEADLESS", "--expires-since", "3009")])
        self.assertEqual(5, len(self.answer("credential", "overdue", "--owner", "%015d" % first, "--limit", "5")))

    def test_events(self):
        device = self.issuer.device(self.arpf)
        self.assert_attached(device, self.world.attach(device))
        device.make_token(self.arpf)
        self.assert_problem(self.world.attach(device), 409, "DIMSI_IN_USE")
        world.wait_until(lambda: self.pages(EVENTS, "outcome=DIMSI_IN_USE&subject=" + device.dimsi, "before")[0], 10,
                         "the refusal is recorded")
        for outcome, actions in (("DIMSI_IN_USE", {"REFUSED"}), ("FINE", {"BOUND", "VECTORS_SENT"}),
                                 ("CONFLICT", set())):
            listed = self.pages(EVENTS, "subject=imsi-%s&outcome=%s" % (device.dimsi, outcome), "before")[0]
            self.assertEqual(actions, {item["action"] for item in listed})
            self.assertEqual(actions, {item["action"] for item in self.answer(
                "audit", "list", "--subject", device.dimsi, "--outcome", outcome)})
        # RFC 3339 as well; and a name may hold what divides parameters.
        self.assertEqual([], self.items(EVENTS, "since=2096-10-02T07:06:42Z"))
        self.assertEqual([], self.items(EVENTS, "actor=admin:A%26limit%3D0"))


class Refused(ListCase):
    def test_what_a_list_does_not_have(self):
        for path in LISTS:
            self.assertEqual(200, self.world.request("GET", path + "?limit=1").status, path)
            for query, param in (("colour=red", "colour"), ("limit=1&stat=READY", "stat"), ("limit=0", "limit"),
                                 ("limit=1001", "limit"), ("limit=2&limit=2", "limit"), ("limit=%201", "limit"),
                                 ("=1", "query"), ("%3Cscript%3E=1", "query"), ("Limit", "Limit")):
                self.assert_problem(self.world.request("GET", path + "?" + query), 400, "INVALID_PARAMETER", param)
        job = "%032x" % (9 << 100)
        self.world.request("PUT", "%s/%s" % (JOBS, job), {"operation": "suspend"})
        self.assert_problem(self.world.request("GET", "%s/%s/refusals?place=1" % (JOBS, job)), 400,
                            "INVALID_PARAMETER", "place")

    def test_values_that_are_none(self):
        for path, queries in (
                (BINDINGS, ("state=GONE", "state=", "seId=", "seId=%FF", "seId=" + "x" * 129, "plmn=1", "first=1",
                            "lastSupi=imsi-1", "changedBefore=0", "changedSince=2026-13-01T00:00:00Z",
                            "createdBefore=99999999999999999999", "after=x", "after=-2")),
                (JOBS, ("state=READY", "operation=destroy", "createdSince=-1")), (ANCHORS, ("use=all",)),
                (REVOCATIONS, ("issuerHash=ab", "serial=1", "serial=xx", "serial=" + "11" * 21, "revokedSince=x")),
                (CRLS, ("issuerHash=", "nextUpdateBefore=tomorrow")), (POOLS, ("plmn=0010123",)),
                (OVERDUE, ("kind=SIM", "owner=1", "after=1", "expiresSince=x")),
                (EVENTS, ("outcome=BAD", "action=NONE", "actor=%C0%80", "since=x", "until=0", "before=1"))):
            for query in queries:
                self.assert_problem(self.world.request("GET", path + "?" + query), 400, "INVALID_PARAMETER",
                                    query.split("=")[0])


class FromTheTable(ListCase):
    def test_completion_and_manual(self):
        script = self.ctl("completion", "bash").stdout
        asked = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _arpfctl; echo "${COMPREPLY[*]}"'

        def complete(*words):
            return subprocess.run(["bash", "-c", script + asked, "bash", "arpfctl", *words], capture_output=True,
                                  text=True, check=True).stdout.split()

        options = complete("binding", "list", "--")
        page, text = self.ctl("manual", "binding").stdout, self.ctl("binding", "list", "--help").stdout
        for option in ("state", "se-id", "first", "last", "first-supi", "last-supi", "plmn", "created-since",
                       "created-before", "changed-since", "changed-before", "limit"):
            self.assertIn("--" + option, options)
            self.assertIn("--%s " % option, text)
            self.assertIn("\\-\\-" + option.replace("-", "\\-"), page)
        self.assertEqual(["suspend", "resume", "revoke", "rekey", "delete"],
                         complete("job", "list", "--operation", ""))
        self.assertTrue(re.search(r"--next-update-before", self.ctl("revoke", "crls", "--help").stdout))


if __name__ == "__main__":
    world.main()
