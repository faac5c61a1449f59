#!/usr/bin/python3
"""Jobs on many subscriptions while arpfd is killed: every item is done once, none is lost, none is repeated."""
import os

import load
import world

COUNT = 100000 if load.LONG else 12000
KEYS = 6000 if load.LONG else 1500
TIMES = 5 if load.LONG else 2
FIRST = 1010600000000


class Jobs(load.ChaosCase):
    is_rough = True

    def setUp(self):
        self.world.sql("TRUNCATE credentials, jobs, job_items, audit_events")

    def make(self, count):
        self.world.sql("INSERT INTO credentials (imsi, dimsi, kind, created_at, changed_at, version, state, sealed)"
                       " SELECT %d + g, 0, 1, 1, 1, 1, 1, 'sealed' FROM generate_series(0, %d - 1) g" % (FIRST, count))

    def begin(self, body, count=0):
        self.path = "/admin/v1/jobs/" + os.urandom(16).hex()
        self.assertEqual(201, self.world.request("PUT", self.path, body).status)
        for i in range(0, count, 1000):
            items = [{"place": i + n + 1, "supi": "imsi-%015d" % (FIRST + i + n)} for n in range(1000)]
            self.assertEqual(200, self.world.request("POST", self.path + "/items", {"items": items}).status)
        self.assertEqual(200, self.world.request("POST", self.path + "/start").status)

    def done(self):
        return int(self.world.sql("SELECT done FROM jobs")[0][0])

    def kill_now_and_then(self, count):
        """False where it was over before: on a slow machine that may be."""
        killed = 0
        for i in range(TIMES):
            world.wait_until(lambda: self.done() > i * count // (TIMES + 1), 120, "the job goes on")
            killed += self.done() < count
            self.world.kill_arpfd()
            self.world.start()
        world.wait_until(lambda: self.job()["state"] == "DONE", 300, "the job is done")
        return killed > 0

    def kill_in_the_middle(self, count, *job):
        for _ in range(10):
            self.setUp()
            self.make(count)
            self.begin(*job)
            if self.kill_now_and_then(count):
                return
        self.fail("the job was over before anything was killed, again and again")

    def job(self):
        return self.world.request("GET", self.path).json

    def number(self, what):
        return int(self.world.sql("SELECT " + what)[0][0])

    def assert_done_once(self, count, action):
        self.assertEqual((count, 0), (self.job()["done"], self.job()["refused"]))
        self.assertEqual(count, self.number("count(*) FROM audit_events WHERE action = %d" % action))
        self.assertEqual(count, self.number("count(DISTINCT subject) FROM audit_events WHERE action = %d" % action))
        self.assertEqual(0, self.number("count(*) FROM audit_events WHERE action = 48"))

    def test_a_file_is_revoked(self):
        self.kill_in_the_middle(COUNT, {"operation": "revoke"}, COUNT)
        self.assert_done_once(COUNT, 43)
        self.assertEqual(COUNT, self.number("count(*) FROM credentials WHERE state = 4"))

    def test_a_selection_is_rekeyed(self):
        self.kill_in_the_middle(KEYS, {"operation": "rekey", "overlapSeconds": 0, "selection": {"kind": "IMPORTED"}})
        self.assert_done_once(KEYS, 44)
        self.assertEqual(KEYS, self.number("count(DISTINCT sealed) FROM credentials WHERE version = 2 AND state = 1"))
        self.assertEqual(KEYS, self.number("count(*) FROM credentials WHERE version = 1 AND state = 3"))
        self.assertEqual(2 * KEYS, self.number("count(*) FROM credentials"))


if __name__ == "__main__":
    world.main()
