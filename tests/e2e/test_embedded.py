#!/usr/bin/python3
"""The embedded deployment itself: up and down repeated, after every kind of stop, and two at once."""
import os
import re
import signal
import subprocess
import unittest

import world


class Settings(unittest.TestCase):
    """docs/operations.md describes the settings in the words and with the limits of the program itself."""

    def test_documented(self):
        done = subprocess.run([os.path.join(world.TOP, world.BUILD, "bin", "arpfctl"), "config", "sample"],
                              capture_output=True, text=True, check=True)
        expected, section = [], None
        for line in done.stdout.splitlines()[1:]:
            if line.startswith("["):
                section = line.strip("[]")
            elif line.startswith("; "):
                text = line[2:]
            elif line:
                name, default = re.fullmatch(r";(\w+) = (.*)", line).groups()
                expected.append("| `[%s] %s` | %s | %s | %s |" % (
                    section, name, "`%s`" % default if default else "empty",
                    "yes" if " (r)" in text else "no", text.replace(" (r)", "")))
        self.assertGreater(len(expected), 40)
        with open(os.path.join(world.TOP, "docs", "operations.md")) as f:
            self.assertEqual(expected, [line.rstrip("\n") for line in f if line.startswith("| `[")])


class Embedded(world.WorldCase):
    is_rough = True

    def setUp(self):
        self.device = self.issuer.device(self.arpf)
        self.supi = self.assert_attached(self.device, self.world.attach(self.device))

    def assert_kept(self):
        read = self.world.request("GET", "/nausf-initial-attach/v1/contexts/" + self.device.dimsi)
        self.assertEqual((200, self.supi), (read.status, read.json.get("supi")), read)
        self.assertEqual(self.arpf.said, self.world.arpf().said)
        another = self.issuer.device(self.arpf)
        self.assert_attached(another, self.world.attach(another))

    def postmaster_pid(self):
        with open(os.path.join(self.world.environment["PGHOST"], "data", "postmaster.pid")) as f:
            return int(f.readline())

    def kill_all(self):
        for pid in [self.world.arpfd_pid(), *self.world.worker_pids(), self.postmaster_pid()]:
            os.kill(pid, signal.SIGKILL)

    def test_up_twice(self):
        before = self.world.arpfd_pid(), self.postmaster_pid()
        self.world.start()
        self.assertEqual(before, (self.world.arpfd_pid(), self.postmaster_pid()))

    def test_down_twice_and_up(self):
        pids = [self.world.arpfd_pid(), *self.world.worker_pids(), self.postmaster_pid()]
        self.world.stop()
        self.world.stop()
        world.wait_until(lambda: not any(world.is_alive(p) for p in pids), 5, "all processes end")
        self.world.start()
        self.assert_kept()

    def test_all_killed(self):
        self.kill_all()
        self.world.start()
        self.assert_kept()

    def test_killed_and_its_numbers_given_to_others(self):
        data = os.path.join(self.world.environment["PGHOST"], "data")
        self.kill_all()
        options = {}
        if os.getuid() == 0:
            owner = os.stat(data)
            options = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        stranger = subprocess.Popen(["sleep", "600"], cwd="/", **options)
        try:
            for path in (data + "/postmaster.pid", self.world.path("arpfd.pid")):
                with open(path) as f:
                    lines = f.read().splitlines()
                with open(path, "w") as f:
                    f.write("\n".join([str(stranger.pid), *lines[1:], ""]))
            self.world.start()
            self.assert_kept()
            self.assertIsNone(stranger.poll())
            self.world.stop()
            self.assertIsNone(stranger.poll())
        finally:
            stranger.kill()
            stranger.wait()
        self.world.start()

    def test_socket_and_pid_files_gone(self):
        self.kill_all()
        for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            path = os.path.join(self.world.environment["PGHOST"], name)
            if os.path.exists(path):
                os.unlink(path)
        os.unlink(self.world.path("arpfd.pid"))
        self.world.start()
        self.assert_kept()

    def test_two_at_once(self):
        other = world.World("other")
        try:
            self.assertNotEqual(self.world.port, other.port)
            issuer = world.Issuer(other)
            device = issuer.device(other.arpf())
            answer = other.attach(device)
            self.assertEqual(201, answer.status)
            self.assertEqual(404, self.world.authenticate("001990000000999").status)
            self.assertNotEqual(self.arpf.key_id, other.arpf().key_id)
        finally:
            other.end()
        self.assert_kept()

    def test_a_taken_port_is_said(self):
        other = dict(self.world.environment, ARPF_WORLD=os.path.join(world.FOLDER, "third"),
                     ARPF_PORT=str(self.world.port))
        done = subprocess.run([os.path.join(world.EMBEDDED, "up.sh")], env=other, capture_output=True, text=True)
        subprocess.run([os.path.join(world.EMBEDDED, "down.sh"), "--purge"], env=other, check=True)
        self.assertEqual(1, done.returncode)
        self.assertIn("is taken", done.stderr)
        self.assert_kept()

    def test_commands_work_after_env(self):
        for command in ("arpfctl status", "arpfctl imsi-pool list", "arpfctl keys list", "psql -XAtqc 'select 1'"):
            done = subprocess.run(["bash", "-c", ". '%s' && %s" % (self.world.path("env"), command)], env={
                "PATH": "/usr/bin:/bin", "HOME": "/"}, capture_output=True, text=True)
            self.assertEqual(0, done.returncode, done)
            self.assertNotEqual("", done.stdout)


if __name__ == "__main__":
    world.main()
