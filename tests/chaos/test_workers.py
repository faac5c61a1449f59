#!/usr/bin/python3
"""arpf-keyd workers killed and stopped under load: nobody waits past his deadline, nothing is wrong."""
import os
import signal
import time
import unittest

import load
import world

DEADLINE_S = 4
COUNT = 4000 if load.LONG else 600


class Workers(load.ChaosCase):
    settings = {"server.deadline_ms": DEADLINE_S * 1000, "hsm.key_timeout_ms": 1000}
    causes = ("HSM_UNAVAILABLE", "OVERLOADED")

    def setUp(self):
        self.wait_for_workers()

    def wait_for_workers(self):
        world.wait_until(lambda: len(self.world.worker_pids()) >= 2, 30, "two workers again")
        world.wait_until(lambda: self.world.attach(self.devices(1)[0]).status == 201, 30, "service again")

    def under_load(self, harm):
        before = self.world.arpfd_pid()
        under = load.Load(self.world, self.devices(COUNT))
        under.wait_for(COUNT // 10)
        harm()
        under.finish()
        self.assert_all_right(under, self.causes, DEADLINE_S + 3)
        self.assertEqual(before, self.world.arpfd_pid())
        self.assertTrue(world.is_alive(before))
        self.wait_for_workers()

    def signal_workers(self, sig, count):
        for pid in self.world.settled_worker_pids()[:count]:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass

    def test_one_killed(self):
        self.under_load(lambda: self.signal_workers(signal.SIGKILL, 1))

    def test_all_killed(self):
        self.under_load(lambda: self.signal_workers(signal.SIGKILL, 2))

    def test_one_stopped(self):
        self.under_load(lambda: self.signal_workers(signal.SIGSTOP, 1))

    def test_all_stopped(self):
        self.under_load(lambda: self.signal_workers(signal.SIGSTOP, 2))

    def test_killed_again_and_again(self):
        def harm():
            for _ in range(10):
                self.signal_workers(signal.SIGKILL, 1)
                time.sleep(0.2)
        self.under_load(harm)

    def test_asked_while_none_answers(self):
        self.signal_workers(signal.SIGSTOP, 2)
        device, pulse, began = self.devices(1)[0], load.Pulse(self.world), time.monotonic()
        answer = self.world.attach(device)
        took_s = time.monotonic() - began
        self.assertLess(took_s, DEADLINE_S + 3 + pulse.end())
        if answer.status != 201:
            self.assert_problem(answer, 503, "HSM_UNAVAILABLE")

    @unittest.skipUnless(load.LONG, "in the long form")
    def test_ended_politely(self):
        self.under_load(lambda: self.signal_workers(signal.SIGTERM, 2))


if __name__ == "__main__":
    world.main()
