#!/usr/bin/python3
"""Jobs (docs/protocol.md section 11.3): an operation on the subscriptions of a file, or of a selection."""
import os

import world
from test_subscriptions import LifeCase

JOBS = "/admin/v1/jobs"


class JobCase(LifeCase):
    def put(self, operation, name=None, **more):
        self.job = name or os.urandom(16).hex()
        return self.world.request("PUT", "%s/%s" % (JOBS, self.job), {"operation": operation, **more})

    def post(self, what, body=None):
        return self.world.request("POST", "%s/%s/%s" % (JOBS, self.job, what), body)

    def items(self, pairs):
        return self.post("items", {"items": [{"place": p, "supi": s} for p, s in pairs]})

    def look(self):
        return self.world.request("GET", "%s/%s" % (JOBS, self.job)).json

    def refusals(self):
        items, after = [], ""
        while after is not None:
            page = self.world.request("GET", "%s/%s/refusals?limit=2%s" % (JOBS, self.job, after)).json
            items += page["items"]
            after = page["next"] and "&after=%d" % page["next"]
        return items

    def run_job(self):
        answer = self.post("start")
        self.assertEqual(200, answer.status, answer)
        world.wait_until(lambda: self.look()["state"] == "DONE", 90, "the job is done")
        return self.look()

    def in_state(self, first, count, state):
        return int(self.world.sql("SELECT count(*) FROM credentials WHERE imsi BETWEEN %d AND %d AND state = %d"
                                  % (first, first + count - 1, state))[0][0])


class Files(JobCase):
    def test_a_file(self):
        _, first = self.make(2500)
        self.world.sql("UPDATE credentials SET state = 4 WHERE imsi = %d" % (first + 7))
        supis = ["imsi-%015d" % (first + i) for i in range(2501)]  # the last is nobody
        made = self.put("suspend")
        self.assertEqual(201, made.status, made)
        self.assertEqual(JOBS + "/" + self.job, made.headers["Location"])
        self.assertEqual({"id": self.job, "operation": "suspend", "state": "OPEN", "items": 0, "done": 0,
                          "refused": 0, "actor": "loopback"},
                         {k: v for k, v in made.json.items() if not k.endswith("At")})
        self.assertEqual(200, self.put("suspend", self.job).status)
        self.assert_problem(self.put("resume", self.job), 409, "CONFLICT")
        self.assert_problem(self.put("suspend", self.job, selection={"kind": "EK"}), 409, "CONFLICT")
        lines = list(enumerate(supis, 2))
        for i in range(0, len(lines), 1000):
            part = lines[i:i + 1000]
            self.assertEqual({"added": len(part)}, self.items(part).json)
        self.assertEqual({"added": 0}, self.items(lines[:5]).json)
        self.assertEqual(2501, self.look()["items"])
        done = self.run_job()
        self.assertEqual((2499, 2), (done["done"], done["refused"]))
        self.assertEqual([{"place": 9, "supi": supis[7], "cause": "CONFLICT", "state": "REVOKED"},
                          {"place": 2502, "supi": supis[2500], "cause": "USER_NOT_FOUND"}], self.refusals())
        self.assertEqual(2499, self.in_state(first, 2500, 2))
        self.assertIn(self.job, [j["id"] for j in self.world.request("GET", JOBS + "?limit=1000").json["items"]])

    def test_bad_lines(self):
        supi, first = self.make(3)
        self.put("revoke")
        good = [(1, supi)]
        for pairs, place in (([(2, "imsi-1")], "(place 2)"), ([(0, supi)], "items[1]"), ([(1, supi)], "(place 1)"),
                             ([("3", supi)], "items[1]"), ([(2, None)], "(place 2)")):
            answer = self.items(good + pairs)
            self.assert_problem(answer, 400, "INVALID_PARAMETER")
            self.assertIn(place, answer.json["invalidParams"][0]["param"])
        self.assertEqual(0, self.look()["items"])
        self.assertEqual(200, self.items(good).status)
        self.assert_problem(self.items([(2, supi), (1, "imsi-%015d" % (first + 1))]), 409, "CONFLICT")
        self.assertEqual(1, self.look()["items"])
        self.assert_problem(self.items([(i, supi) for i in range(1, 1002)]), 400, "INVALID_PARAMETER", "items")
        self.assert_problem(self.items([]), 400, "INVALID_PARAMETER", "items")
        self.run_job()
        self.assert_problem(self.items([(5, supi)]), 409, "CONFLICT")

    def test_cancelled(self):
        supi, first = self.make(1)
        self.put("revoke")
        self.items([(1, supi)])
        for _ in range(2):
            self.assertEqual("CANCELLED", self.post("cancel").json["state"])
        self.assert_problem(self.post("start"), 409, "CONFLICT")
        self.assertEqual(1, self.in_state(first, 1, 1))
        self.put("revoke")
        self.run_job()
        self.assert_problem(self.post("cancel"), 409, "CONFLICT")

    def test_bad_jobs(self):
        self.assert_problem(self.put("destroy"), 400, "INVALID_PARAMETER", "operation")
        self.assert_problem(self.put("revoke", "0102"), 400, "INVALID_PARAMETER", "id")
        self.assert_problem(self.put("rekey", overlapSeconds=-1), 400, "INVALID_PARAMETER", "overlapSeconds")
        for selection, param in (({}, "selection"), ({"everybody": True}, "selection"), ({"kind": "SIM"}, "kind"),
                                 ({"first": 7}, "first"), ([], "selection")):
            self.assert_problem(self.put("revoke", selection=selection), 400, "INVALID_PARAMETER", param)
        self.job = "0" * 32
        for answer in (self.post("start"), self.post("cancel"), self.items([(1, "imsi-001010000000001")]),
                       self.world.request("GET", JOBS + "/" + self.job),
                       self.world.request("GET", JOBS + "/" + self.job + "/refusals")):
            self.assert_problem(answer, 404, "RESOURCE_NOT_FOUND")


class Selections(JobCase):
    def test_a_selection(self):
        supi, first = self.make(3000)
        self.world.sql("UPDATE credentials SET kind = 3 WHERE imsi BETWEEN %d AND %d" % (first, first + 1999))
        self.world.sql("UPDATE credentials SET state = 4 WHERE imsi = %d" % (first + 5))
        what = {"first": supi, "last": "%015d" % (first + 2999), "kind": "HEADLESS"}
        self.put("suspend", selection=what)
        self.assertEqual({**what, "last": "imsi-%015d" % (first + 2999)}, self.look()["selection"])
        self.assert_problem(self.items([(1, supi)]), 409, "CONFLICT")
        done = self.run_job()
        self.assertEqual((2000, 1999, 1), (done["items"], done["done"], done["refused"]))
        self.assertEqual([{"place": first + 5, "supi": "imsi-%015d" % (first + 5), "cause": "CONFLICT",
                           "state": "REVOKED"}], self.refusals())
        self.assertEqual(1999, self.in_state(first, 3000, 2))

    def test_rekeyed(self):
        supi, first = self.make(300)
        self.world.sql("UPDATE credentials SET state = 2 WHERE imsi = %d" % (first + 5))
        self.put("rekey", overlapSeconds=0, selection={"first": supi, "last": "imsi-%015d" % (first + 299)})
        done = self.run_job()
        self.assertEqual((299, 1), (done["done"], done["refused"]))
        self.assertEqual((299, 299), (self.in_state(first, 300, 1), self.in_state(first, 300, 3)))
        keys = self.world.sql("SELECT count(DISTINCT sealed), min(length(sealed)) FROM credentials"
                              " WHERE version = 2 AND imsi BETWEEN %d AND %d" % (first, first + 299))
        self.assertEqual("299", keys[0][0])
        self.assertGreater(int(keys[0][1]), 64)
        self.assertEqual(200, self.world.request(  # the new keys are keys
            "POST", "/nudm-ueau/v1/%s/security-information/generate-auth-data" % supi,
            {"servingNetworkName": "5G:mnc001.mcc001.3gppnetwork.org", "ausfInstanceId": "x"}).status)


if __name__ == "__main__":
    world.main()
