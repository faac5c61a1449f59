#!/usr/bin/python3
"""PostgreSQL restarted in the middle: 503, then service again without restarting arpfd, nothing lost."""
import time

import load
import world

DEADLINE_S = 4
COUNT = 4000 if load.LONG else 600


class Database(load.ChaosCase):
    settings = {"server.deadline_ms": DEADLINE_S * 1000}
    causes = ("DATABASE_UNAVAILABLE", "OVERLOADED")

    def restart_under_load(self, mode, down_s):
        before = self.world.arpfd_pid()
        under = load.Load(self.world, self.devices(COUNT), threads=16)
        under.wait_for(COUNT // 4)
        self.world.stop_postgres(mode)
        time.sleep(down_s)
        self.world.start_postgres()
        under.finish()
        self.assertEqual(before, self.world.arpfd_pid())
        self.assert_all_right(under, self.causes, DEADLINE_S + 3)
        self.assert_kept(under)

    def test_fast(self):
        self.restart_under_load("fast", 0)

    def test_immediate(self):
        self.restart_under_load("immediate", 0)

    def test_away_for_a_while(self):
        self.restart_under_load("immediate", DEADLINE_S + 2)

    def test_asked_while_it_is_away(self):
        device = self.devices(1)[0]
        self.world.stop_postgres()
        try:
            pulse, began = load.Pulse(self.world), time.monotonic()
            self.assert_problem(self.world.attach(device), 503, "DATABASE_UNAVAILABLE")
            took_s = time.monotonic() - began
            self.assertLess(took_s, DEADLINE_S + 3 + pulse.end())
            self.assert_problem(self.world.authenticate(device.dimsi), 503, "DATABASE_UNAVAILABLE")
        finally:
            self.world.start_postgres()
        world.wait_until(lambda: self.world.attach(device).status in (200, 201), 30, "service again")
        self.assert_attached(device, self.world.attach(device), 200)


class Connections(load.ChaosCase):
    def test_its_connections_cut(self):
        for _ in range(5):
            self.world.sql("select pg_terminate_backend(pid) from pg_stat_activity "
                           "where pid <> pg_backend_pid() and datname = current_database()")
            device = self.devices(1)[0]
            answer = self.world.attach(device)
            self.assertIn(answer.status, (201, 503), answer)
            world.wait_until(lambda: self.world.attach(device).status == 200, 20, "service again")


if __name__ == "__main__":
    world.main()
