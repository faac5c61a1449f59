#!/usr/bin/python3
"""More than the server takes: 503 with Retry-After for some, right answers for all others, then all."""
import json
import socket

import load
import world


def read_answer(s):
    r = load.http.client.HTTPResponse(s)
    r.begin()
    return world.Answer(r.status, r.headers, r.read())


class Overload(load.ChaosCase):
    settings = {"server.transactions_in_flight": 4}

    def test_more_at_once_than_it_takes(self):
        devices, refused = self.devices(200), 0
        while devices:
            sockets = []
            for device in devices:
                body = json.dumps({"seCredentials": device.credentials()}).encode()
                s = socket.create_connection(("127.0.0.1", self.world.port), timeout=30)
                s.sendall(b"POST /nausf-initial-attach/v1/contexts HTTP/1.1\r\nHost: x\r\n"
                          b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                sockets.append(s)
            left, answers = [], []
            for s in sockets:
                answers.append(read_answer(s))
                s.close()
            for device, answer in zip(devices, answers):
                if answer.status == 503:
                    self.assert_problem(answer, 503, "OVERLOADED")
                    left.append(device)
                else:
                    self.assert_attached(device, answer)
            self.assertLess(len(left), len(devices), "nobody got through")
            refused += len(left)
            devices = left
        self.assertGreater(refused, 0)

    def test_keeps_its_promise_to_threads(self):
        under = load.Load(self.world, self.devices(300), threads=24).finish()
        self.assert_all_right(under, ("OVERLOADED",), 30)
        self.assert_kept(under)


class FewNumbers(load.ChaosCase):
    """A pool of 40 numbers, another PLMN than that of the world's own pool."""

    settings = {"network.home_plmn": "00102", "database.imsi_block": 16, "database.quarantine_s": 0,
                "database.lease_s": 5}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.world.run("arpfctl", "imsi-pool", "add", "--plmn", "00102", "--first", "1", "--last", "40")

    def test_exhausted_then_released(self):
        devices = self.devices(45)
        answers = [(d, self.world.attach(d)) for d in devices]
        bound = [(d, a) for d, a in answers if a.status == 201]
        self.assertEqual(40, len(bound))
        self.assertEqual({"imsi-00102%010d" % n for n in range(1, 41)}, {a.json["supi"] for _, a in bound})
        for device, answer in answers:
            if answer.status != 201:
                self.assert_problem(answer, 503, "IMSI_POOL_EXHAUSTED")
                self.assert_problem(self.world.authenticate(device.dimsi), 404, "DIMSI_NOT_FOUND")
        for device, answer in bound[:3]:  # what is bound needs no number
            again = self.world.attach(device)
            self.assertEqual((200, answer.json["supi"]), (again.status, again.json["supi"]))
        for device, answer in bound[:3]:
            self.check_context(device, answer.json, self.arpf)
            self.assertEqual(204, self.world.request(
                "DELETE", "/nausf-initial-attach/v1/contexts/" + device.dimsi).status)
        late = [d for d, a in answers if a.status != 201][0]
        world.wait_until(lambda: self.world.attach(late).status in (200, 201), 30, "a number has rested")


if __name__ == "__main__":
    world.main()
