"""Devices that attach from many threads while something is done to the server, every answer kept."""
import collections
import http.client
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "e2e"))

import protocol  # noqa: E402
import world  # noqa: E402

LONG = os.environ.get("CHAOS") == "long"


class Try:
    """One request: what was answered (None: the connection broke) and how long it took."""

    def __init__(self, device, answer, seconds):
        self.device, self.answer, self.seconds = device, answer, seconds

    @property
    def is_acknowledged(self):
        return self.answer is not None and self.answer.status in (200, 201)

    def __repr__(self):
        return "%s: %s after %.2f s" % (self.device.dimsi, self.answer, self.seconds)


class Pulse:
    """How much time requests lost in all for no other reason than that the server, or this process, had no
    processor: what one of its own that needs no lane waits for."""

    def __init__(self, a_world):
        self.world, self.lost_s, self.is_over = a_world, 0., threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.is_over.wait(0.1):
            began = time.monotonic()
            try:
                self.world.request("GET", "/metrics")
            except (OSError, http.client.HTTPException):
                pass
            took_s = time.monotonic() - began
            self.lost_s += took_s if took_s > 0.5 else 0.

    def end(self):
        self.is_over.set()
        self.thread.join()
        return self.lost_s


class Load:
    """Each device asks until it is acknowledged; `tries` holds all there was, in no order."""

    def __init__(self, a_world, devices, threads=8, patience_s=240, timeout_s=world.PATIENCE_S, ask=None):
        self.world, self.devices, self.timeout_s = a_world, devices, timeout_s
        self.ask = ask or a_world_attach
        self.end = time.monotonic() + patience_s
        self.tries, self.supis = [], {}
        self.lock = threading.Lock()
        self.pulse, self.lost_s = Pulse(a_world), 0.
        self.waiting = list(reversed(devices))
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(threads)]
        for t in self.threads:
            t.start()

    def work(self):
        connection = self.world.connection(self.timeout_s)
        while True:
            with self.lock:
                if not self.waiting or time.monotonic() > self.end:
                    return
                device = self.waiting.pop()
            began = time.monotonic()
            try:
                answer = self.ask(self.world, device, connection)
            except (OSError, http.client.HTTPException):
                answer = None
                connection.close()
                connection = self.world.connection(self.timeout_s)
            one = Try(device, answer, time.monotonic() - began)
            with self.lock:
                self.tries.append(one)
                if one.is_acknowledged:
                    self.supis[device.dimsi] = answer.json["supi"]
                else:
                    self.waiting.insert(0, device)
            if not one.is_acknowledged:
                time.sleep(0.02)

    def wait_for(self, acknowledged, seconds=60):
        world.wait_until(lambda: len(self.supis) >= acknowledged, seconds,
                         "%d devices acknowledged" % acknowledged)

    def finish(self):
        for t in self.threads:
            t.join()
        self.lost_s = self.pulse.end()
        return self

    def refused(self):
        return [t for t in self.tries if not t.is_acknowledged]

    def causes(self):
        return dict(collections.Counter(
            "broken" if t.answer is None else t.answer.json["cause"] for t in self.refused()))


def a_world_attach(a_world, device, connection):
    return a_world.request("POST", "/nausf-initial-attach/v1/contexts",
                           {"seCredentials": device.credentials()}, connection=connection)


class ChaosCase(world.WorldCase):
    def devices(self, count):
        return [self.issuer.device(self.arpf) for _ in range(count)]

    def assert_all_right(self, load, causes, slowest_s, broken=False):
        """Every device got through; each answer is right or a 503 with one of the causes; in time."""
        print("%d tries, %s, slowest %.1f s, lost %.1f s" % (
            len(load.tries), load.causes(), max(t.seconds for t in load.tries), load.lost_s))
        self.assertEqual([], [d.dimsi for d in load.waiting], "not acknowledged in the end")
        for t in load.tries:
            self.assertLess(t.seconds, slowest_s + load.lost_s, t)
            if t.is_acknowledged:
                said = t.answer.json
                self.assertEqual((t.device.dimsi, t.device.se_id), (said["dimsi"], said["seId"]))
                world.check_endorsement(t.device, said["endorsement"], self.arpf)
            elif t.answer is None:
                self.assertTrue(broken, "a connection broke: %r" % t)
            else:
                self.assertIn(self.cause_of(t.answer), causes, t)
                self.assert_problem(t.answer, 503, self.cause_of(t.answer))
        self.assertEqual(len(load.devices), len(set(load.supis.values())), "an IMSI was given twice")

    def assert_kept(self, load):
        """What was acknowledged is what the database holds, and opens as the device would open it."""
        c = self.world.connection()
        for device in load.devices:
            read = self.world.request("GET", "/nausf-initial-attach/v1/contexts/" + device.dimsi, connection=c)
            self.assertEqual(200, read.status, read)
            self.assertEqual(load.supis[device.dimsi], read.json["supi"])
            pair = self.world.authenticate(device.dimsi).json
            self.assertEqual(load.supis[device.dimsi], "imsi-" + protocol.open_initial(
                device.ek, device.dimsi, bytes.fromhex(pair["rand"]), bytes.fromhex(pair["autn"])))
