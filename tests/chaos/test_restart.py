#!/usr/bin/python3
"""arpfd killed in the middle: what it acknowledged is there, no IMSI twice, the rest may be repeated."""
import signal
import time

import load
import world

COUNT = 4000 if load.LONG else 600
TIMES = 5 if load.LONG else 2


class Restart(load.ChaosCase):
    settings = {"server.deadline_ms": 10000, "hsm.key_timeout_ms": 2000}

    def test_killed_under_load(self):
        under = load.Load(self.world, self.devices(COUNT), threads=16, patience_s=180)
        for i in range(TIMES):
            under.wait_for((i + 1) * COUNT // (TIMES + 2))
            self.world.kill_arpfd()
            self.world.start()
        under.finish()
        self.assert_all_right(under, ("OVERLOADED", "HSM_UNAVAILABLE", "DATABASE_UNAVAILABLE"), 35, broken=True)
        self.assert_kept(under)

    def test_asked_to_end_under_load(self):
        """SIGTERM: what is under way is answered, nothing is cut off but what had not begun."""
        under = load.Load(self.world, self.devices(COUNT), threads=16, patience_s=180)
        under.wait_for(COUNT // 3)
        began = time.monotonic()
        self.world.kill_arpfd(signal.SIGTERM)
        self.assertLess(time.monotonic() - began, 45)
        self.world.start()
        under.finish()
        self.assert_all_right(under, ("OVERLOADED", "HSM_UNAVAILABLE", "DATABASE_UNAVAILABLE"), 35, broken=True)
        self.assert_kept(under)

    def test_workers_do_not_outlive_it(self):
        workers = self.world.worker_pids()
        self.assertGreater(len(workers), 0)
        self.world.kill_arpfd()
        world.wait_until(lambda: not any(world.is_alive(p) for p in workers), 10, "the workers end")
        self.world.start()


if __name__ == "__main__":
    world.main()
