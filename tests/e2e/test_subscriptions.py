#!/usr/bin/python3
"""Credential management (docs/protocol.md section 11): one subscription, many, and what is overdue."""
import os
import re
import time

import usim
import world
from dh_device import Device
from test_authentication import add_subscriber
from test_companion import CompanionCase
from usim import Companion, ask_vector

SUBSCRIPTIONS = "/admin/v1/subscriptions"
OPERATIONS = ("suspend", "resume", "revoke", "rekey", "delete")
# How a row of each state looks.
ROWS = {"PRE_ACTIVE": "state = 0", "ACTIVE": "state = 1", "SUSPENDED": "state = 2", "RETIRED": "state = 3",
        "REVOKED": "state = 4", "DESTROYED": "state = 5, sealed = ''", "OVERDUE": "not_after = 5"}


def read_table():
    """The table of section 11.1: {(state, operation): what it becomes}."""
    with open(os.path.join(world.TOP, "docs", "protocol.md")) as f:
        rows = re.findall(r"^\| `([A-Z_]+)` \|(.*)\|$", f.read().split("**11.1")[1].split("**11.2")[0], re.M)
    return {(state, operation): cell.strip(" `")
            for state, cells in rows for operation, cell in zip(OPERATIONS, cells.split("|")) if cell.strip(" `")}


class LifeCase(CompanionCase):
    def make(self, count=1, more="kind = 1"):
        """Subscriptions as rows alone; the SUPI of the first, the number of its IMSI."""
        first = 1010600000000 + int.from_bytes(os.urandom(4), "big") * 1000
        self.world.sql("INSERT INTO credentials (imsi, dimsi, kind, created_at, changed_at, version, state, sealed)"
                       " SELECT %d + g, 0, 1, 1, 1, 1, 1, 'sealed' FROM generate_series(0, %d - 1) g" % (first, count))
        self.world.sql("UPDATE credentials SET %s WHERE imsi BETWEEN %d AND %d" % (more, first, first + count - 1))
        return "imsi-%015d" % first, first

    def change(self, supi, operation, body=None):
        if operation == "delete":
            return self.world.request("DELETE", "%s/%s" % (SUBSCRIPTIONS, supi))
        return self.world.request("POST", "%s/%s/%s" % (SUBSCRIPTIONS, supi, operation), body or {})

    def do(self, supi, operation, body=None):
        answer = self.change(supi, operation, body)
        self.assertEqual(204 if operation == "delete" else 200, answer.status, answer)
        return answer.json if answer.body else None

    def show(self, supi):
        answer = self.world.request("GET", "%s/%s" % (SUBSCRIPTIONS, supi))
        self.assertEqual(200, answer.status, answer)
        return answer.json

    def assert_refused(self, supi, status, cause):
        self.assert_problem(ask_vector(self.world, supi), status, cause)

    def newcomer(self):
        return add_subscriber(self.world, "imsi-0010133%08d" % (int.from_bytes(os.urandom(4), "big") % 10**8))


class Table(LifeCase):
    def test_every_state_and_every_operation(self):
        table = read_table()
        self.assertEqual(1 + 1 + 5 + 2 + 6, len(table))
        for state, row in ROWS.items():
            for operation in OPERATIONS:
                with self.subTest(state=state, operation=operation):
                    supi, _ = self.make(more=row)
                    before = self.show(supi)
                    self.assertEqual(state, before["state"])
                    answer = self.change(supi, operation, {"overlapSeconds": 1000} if operation == "rekey" else None)
                    if (state, operation) not in table:
                        self.assert_problem(answer, 409, "CONFLICT")
                        self.assertIn(state, answer.json["detail"])
                        self.assertEqual(before, self.show(supi))
                        continue
                    self.assertIn(answer.status, (200, 204), answer)
                    self.assertEqual(table[state, operation], self.show(supi)["state"])

    def test_unknown(self):
        self.assert_problem(self.change("imsi-001010699999999", "suspend"), 404, "USER_NOT_FOUND")
        self.assert_problem(self.change("imsi-001010699999999", "delete"), 404, "USER_NOT_FOUND")
        self.assert_problem(self.world.request("GET", SUBSCRIPTIONS + "/imsi-001010699999999"), 404, "USER_NOT_FOUND")
        self.assert_problem(self.change(self.make()[0], "destroy"), 404, "RESOURCE_NOT_FOUND")
        for name in ("imsi-12", "suci-0-001-01-0-1-1-00", "x"):
            self.assert_problem(self.change(name, "suspend"), 400, "INVALID_PARAMETER", "supi")
        for overlap in (-1, "5", 1.5, 4000000001):
            self.assert_problem(self.change(self.make()[0], "rekey", {"overlapSeconds": overlap}),
                                400, "INVALID_PARAMETER", "overlapSeconds")


class One(LifeCase):
    def test_suspended_resumed_revoked_deleted(self):
        card = self.newcomer()
        card.accept(self.vector(card.supi))
        self.assertEqual({"supi": card.supi, "was": "ACTIVE", "state": "SUSPENDED", "version": 1},
                         self.do(card.supi, "suspend"))
        self.assert_refused(card.supi, 403, "CREDENTIAL_SUSPENDED")
        self.do(card.supi, "resume")
        card.accept(self.vector(card.supi))
        self.do(card.supi, "revoke")
        self.assert_refused(card.supi, 403, "CREDENTIAL_REVOKED")
        self.assertTrue(self.show(card.supi)["credentials"][0]["hasKey"])
        self.do(card.supi, "delete")
        self.assert_refused(card.supi, 404, "USER_NOT_FOUND")
        shown = self.show(card.supi)
        self.assertEqual("DESTROYED", shown["state"])
        self.assertFalse(shown["credentials"][0]["hasKey"])
        self.assertIn("in state DESTROYED already", self.change(card.supi, "delete").json["detail"])

    def test_events(self):
        card = self.newcomer()
        for operation in ("suspend", "suspend", "resume", "rekey", "revoke", "delete"):
            self.change(card.supi, operation)
        rows = self.world.sql("SELECT action, outcome, related, actor FROM audit_events WHERE subject = %d"
                              " AND action BETWEEN 41 AND 48 ORDER BY xid, number" % int(card.supi[5:]))
        self.assertEqual([["41", "0", "1"], ["48", "22", "1"], ["42", "0", "1"], ["44", "0", "2"], ["43", "0", "1"],
                          ["45", "0", "2"]], [row[:3] for row in rows])
        self.assertEqual({"loopback"}, {row[3] for row in rows})

    def test_rekeyed_at_once(self):
        card = self.newcomer()
        self.assertEqual({"supi": card.supi, "was": "ACTIVE", "state": "ACTIVE", "version": 2},
                         self.do(card.supi, "rekey", {"overlapSeconds": 0}))
        with self.assertRaises(usim.Wrong):  # the K of the card serves no more
            card.accept(self.vector(card.supi))
        self.assertEqual(["ACTIVE", "RETIRED"], [c["state"] for c in self.show(card.supi)["credentials"]])

    def test_rekeyed_with_an_overlap(self):
        card = self.newcomer()
        self.do(card.supi, "rekey", {"overlapSeconds": 600})
        self.assert_problem(self.change(card.supi, "rekey"), 409, "CONFLICT")
        card.accept(self.vector(card.supi))
        self.assertEqual(["PRE_ACTIVE", "ACTIVE"], [c["state"] for c in self.show(card.supi)["credentials"]])
        began = time.time()  # and as if most of the overlap had passed
        self.world.sql("UPDATE credentials SET retire_at = greatest(retire_at - 592, 0),"
                       " active_at = greatest(active_at - 592, 0) WHERE imsi = " + card.supi[5:])
        statuses = set()
        while self.show(card.supi)["state"] != "ACTIVE" or self.show(card.supi)["version"] == 1:
            statuses.add(ask_vector(self.world, card.supi).status)
            self.assertLess(time.time() - began, world.PATIENCE_S)
            time.sleep(0.1)
        self.assertLessEqual(statuses, {200})  # served throughout
        self.assertGreater(time.time() - began, 3)
        self.assertEqual(["ACTIVE", "RETIRED"], [c["state"] for c in self.show(card.supi)["credentials"]])

    def test_initial_attach(self):
        """Revoked, the dIMSI is barred; deleted, it may be bound anew, to another IMSI."""
        barred, freed = self.issuer.device(self.arpf), self.issuer.device(self.arpf)
        first, second = (self.assert_attached(d, self.world.attach(d)) for d in (barred, freed))
        self.do(first, "revoke")
        self.do(second, "delete")
        contexts = "/nausf-initial-attach/v1/contexts/"
        for device, state in ((barred, "REVOKED"), (freed, "RELEASED")):
            self.assertEqual(state, self.world.request("GET", contexts + device.dimsi).json["state"])
            self.assert_problem(self.world.authenticate(device.dimsi), 404, "DIMSI_NOT_FOUND")
        self.assert_problem(self.world.attach(barred), 403, "CREDENTIAL_REVOKED")
        barred.make_token(self.arpf)
        self.assert_problem(self.world.attach(barred), 403, "CREDENTIAL_REVOKED")
        self.assertNotEqual(second, self.assert_attached(freed, self.world.attach(freed)))
        self.assert_refused(first, 403, "CREDENTIAL_REVOKED")

    def test_companion(self):
        """Suspended, a companion gets no credentials for others; revoked, his session is over."""
        supi = self.companion.supi
        add_subscriber(self.world, supi)
        device = Device()
        self.provision(device)
        card = self.finish(device)
        self.assertEqual(supi, self.show(device.nai)["owner"])
        self.do(supi, "suspend")
        self.assert_problem(Device().ask(self.companion), 403, "CREDENTIAL_SUSPENDED")
        self.do(supi, "resume")
        self.provision(Device())
        self.do(supi, "revoke")
        self.assert_problem(Device().ask(self.companion), 404, "SESSION_NOT_FOUND")
        self.companion.register()
        self.assert_problem(Device().ask(self.companion), 403, "CREDENTIAL_REVOKED")
        # His device is its own subscription, by either name.
        card.accept(self.vector(device.nai))
        self.do(device.nai, "revoke")
        for name in (device.nai, card.supi):
            self.assert_refused(name, 403, "CREDENTIAL_REVOKED")
        self.do(card.supi, "delete")
        self.assert_refused(device.nai, 404, "USER_NOT_FOUND")


class Overdue(LifeCase):
    def test_refused_to_the_second(self):
        card = self.newcomer()
        seen = []
        for seconds in (3, 12, 48):  # where a machine is too slow to ask once before the end, it is given longer
            end = int(self.world.sql("UPDATE credentials SET not_after = floor(extract(epoch FROM now())) + %d"
                                     " WHERE imsi = %d RETURNING not_after" % (seconds, int(card.supi[5:])))[0][0])
            seen = []
            while not seen or seen[-1][1] == 200 and seen[-1][0] < end:
                before = self.now()
                status = ask_vector(self.world, card.supi).status
                seen.append((before, status, self.now()))
            if len(seen) > 1:
                break
        self.assertGreater(len(seen), 1)
        for before, status, after in seen:
            if after < end:
                self.assertEqual(200, status)
            if before >= end:
                self.assertEqual(403, status)
        self.assert_refused(card.supi, 403, "CREDENTIAL_EXPIRED")
        self.assertEqual("OVERDUE", self.show(card.supi)["state"])

    def now(self):
        """By the database's clock."""
        return float(self.world.sql("SELECT extract(epoch FROM clock_timestamp())")[0][0])

    def test_listed_and_noted_once(self):
        supi, first = self.make(5, "not_after = 7, kind = 3, owner = 77")
        supis = ["imsi-%015d" % (first + i) for i in range(5)]
        listed, after = [], ""
        while after is not None:
            page = self.world.request("GET", "/admin/v1/credentials/overdue?limit=2" + after).json
            listed += page["items"]
            after = page["next"] and "&after=" + page["next"]
        mine = [item for item in listed if item["supi"] in supis]
        self.assertEqual(supis, [item["supi"] for item in mine])
        self.assertEqual({"supi": supi, "version": 1, "kind": "HEADLESS", "notAfter": "1970-01-01T00:00:07Z",
                          "owner": "imsi-000000000000077"}, mine[0])
        world.wait_until(lambda: self.events(first) == 5, 30, "they are noted")
        time.sleep(3)
        self.assertEqual(5, self.events(first))
        self.assert_problem(self.world.request("GET", "/admin/v1/credentials/overdue?after=7"),
                            400, "INVALID_PARAMETER", "after")

    def events(self, first):
        return int(self.world.sql("SELECT count(*) FROM audit_events WHERE action = 46 AND subject BETWEEN %d AND %d"
                                  % (first, first + 4))[0][0])


class Lists(LifeCase):
    def pages(self, query):
        items, after = [], ""
        while after is not None:
            page = self.world.request("GET", "%s?%s%s" % (SUBSCRIPTIONS, query, after))
            self.assertEqual(200, page.status, page)
            items += page.json["items"]
            after = page.json["next"] and "&after=%d" % page.json["next"]
        return items

    def test_filters(self):
        supi, first = self.make(30)
        last = "imsi-%015d" % (first + 29)
        self.world.sql("UPDATE credentials SET kind = 3, owner = 77, not_after = 4000000000 WHERE imsi BETWEEN %d AND %d"
                       % (first + 10, first + 14))
        self.world.sql("UPDATE credentials SET state = 2 WHERE imsi = %d" % (first + 12))
        here = "first=%s&last=%s&" % (supi, last)
        self.assertEqual(30, len(self.pages(here + "limit=7")))
        for query, count in (("kind=HEADLESS", 5), ("state=SUSPENDED", 1), ("owner=000000000000077&state=ACTIVE", 4),
                             ("createdBefore=1970-01-01T00:00:01Z", 0), ("createdBefore=2", 30), ("createdSince=2", 0),
                             ("expiresBefore=2096-10-02T07:06:41Z", 5), ("expiresBefore=4000000000", 0)):
            self.assertEqual(count, len(self.pages(here + query)), query)
        self.assertEqual({"supi", "kind", "state", "version", "versions", "createdAt", "changedAt"},
                         set(self.pages(here + "limit=1")[0]))
        for bad in ("kind=SIM", "state=gone", "first=7", "createdBefore=today"):
            self.assert_problem(self.world.request("GET", SUBSCRIPTIONS + "?" + bad), 400, "INVALID_PARAMETER",
                                bad.split("=")[0])


if __name__ == "__main__":
    world.main()
