#!/usr/bin/python3
"""arpfload drives a fleet while everything is killed in turn; then its notes are compared with the database."""
import os
import signal
import time

import load
import world

COUNT = 30000 if load.LONG else 4000


class Fleet(load.ChaosCase):
    settings = {"server.deadline_ms": 10000, "hsm.key_timeout_ms": 2000}

    def drive(self, name, harm, *options):
        """Runs a fresh fleet, harms meanwhile; every device is acknowledged, and as the database has it."""
        fleet, notes = self.world.path("fleet-" + name), self.world.path("acknowledged-" + name)
        self.world.run("arpfload", "fleet", "create", "--procedure", "initial-attach",
                       "--devices", str(COUNT), "--out", fleet)
        begun = self.world.begin("arpfload", "run", "--procedure", "initial-attach", "--fleet", fleet,
                                 "--retry", "--deadline", "120", "--timeout", "15",
                                 "--acknowledged", notes, *options)
        harm(lambda part: self.wait_for_notes(notes, part))
        said = begun.communicate(timeout=240)[0]
        print(said)
        self.assertEqual(0, begun.returncode, said)
        acknowledged = self.read(notes)
        self.assertEqual(COUNT, len({dimsi for dimsi, _ in acknowledged}), said)
        bound = {tuple(row) for row in self.world.sql("select dimsi, imsi from bindings")}
        self.assertEqual(set(), acknowledged - {(d.zfill(15), i.zfill(15)) for d, i in bound})
        self.assertEqual([["0"]], self.world.sql(
            "select count(*) - count(distinct imsi) + count(*) - count(distinct dimsi) from bindings"))

    @staticmethod
    def read(notes):
        """Whole lines only: the last may be in the writing."""
        with open(notes) as f:
            return {tuple(line.split()) for line in f if line.endswith("\n")}

    def wait_for_notes(self, notes, part):
        world.wait_until(lambda: os.path.exists(notes) and len(self.read(notes)) >= COUNT * part, 60,
                         "%d devices acknowledged" % (COUNT * part))

    def test_undisturbed(self):
        self.drive("undisturbed", lambda wait_for: None)

    def test_server_killed(self):
        def harm(wait_for):
            for part in (0.2, 0.6):
                wait_for(part)
                self.world.kill_arpfd()
                self.world.start()
        self.drive("killed", harm, "--batch", "50", "--concurrency", "8")

    def test_everything_in_turn(self):
        def harm(wait_for):
            wait_for(0.1)
            for pid in self.world.settled_worker_pids():
                os.kill(pid, signal.SIGKILL)
            wait_for(0.3)
            self.world.stop_postgres("immediate")
            time.sleep(1)
            self.world.start_postgres()
            wait_for(0.5)
            for pid in self.world.settled_worker_pids()[:1]:
                os.kill(pid, signal.SIGSTOP)
            wait_for(0.7)
            self.world.kill_arpfd()
            self.world.start()
        self.drive("everything", harm)


if __name__ == "__main__":
    world.main()
