#!/usr/bin/python3
"""arpfd killed amid sections 5 to 8: what it acknowledged is there, no SQN twice, the rest may be repeated."""
import collections
import http.client
import os
import random
import threading
import time

import load  # first: it says where the others are
import dh_device
import headless_device
import usim
import world
from replica import Replica
from test_authentication import DATA, add_subscriber

COUNT = 3000 if load.LONG else 300
VECTORS = 6000 if load.LONG else 1200
TIMES = 5 if load.LONG else 2
CAUSES = ("OVERLOADED", "HSM_UNAVAILABLE", "DATABASE_UNAVAILABLE")
VECTOR = {"servingNetworkName": usim.NETWORK, "ausfInstanceId": usim.AUSF}

Told = collections.namedtuple("Told", "status json headers body")


class Iot(dh_device.Device):
    """A device on its way through section 7; wrong: how many wrong MAC2 it sends first, heard of or not."""

    def __init__(self, companion, parameters, group="p256", wrong=0):
        super().__init__(group)
        self.dimsi, self.companion, self.parameters, self.wrong = self.device_id, companion, parameters, wrong
        self.begun = self.finished = None
        self.sent = 0

    def ask_next(self, a_world, connection):
        if self.begun is None:
            answer = a_world.request("POST", dh_device.REQUESTS, self.request(self.companion), connection=connection)
            if answer.status not in (200, 201):
                return answer
            self.take(answer.json, self.parameters)
            self.begun = answer.json["accessId"], answer.json["b"]
        path = "%s/%s/confirmation" % (dh_device.REQUESTS, self.access_id.hex())
        while self.sent < self.wrong:
            self.sent += 1  # what was counted may not have been heard: never a third one
            bad = {"deviceId": self.device_id, "mac2": usim.protocol.b64(os.urandom(32))}
            answer = a_world.request("POST", path, bad, connection=connection)
            if answer.status != 403:
                return answer
        answer = a_world.request("POST", path, self.confirmation(), connection=connection)
        if answer.status == 200:
            self.card = self.finish(answer.json)
            self.finished = answer.json
        return answer


class Headless:
    """A certified device on its way through section 8."""

    def __init__(self, companion, device, url, certificate):
        self.companion, self.device, self.url, self.certificate = companion, device, url, certificate
        self.dimsi = device.device_id

    def ask_next(self, a_world, connection):
        body = {"aKId": self.companion.akid, "deviceUrl": self.url, "mac": usim.protocol.b64(
            self.companion.mac("arpf add v1", self.companion.akid, self.url))}
        answer = a_world.request("POST", headless_device.ADDITIONS, body, connection=connection)
        if answer.status not in (200, 201):
            return answer
        self.card = self.device.install(answer.json, self.companion, self.certificate)
        return Told(answer.status, {"supi": self.card.supi}, answer.headers, answer.body)


class Counting:
    """Clients that ask for vectors of few subscribers from one or more servers, and note every SQN."""

    def __init__(self, worlds, cards, clients=8, count=VECTORS):
        self.worlds, self.cards, self.left = worlds, cards, count
        self.lock, self.wrong = threading.Lock(), []
        self.numbers = collections.defaultdict(list)
        self.threads = [threading.Thread(target=self.work, args=(i,), daemon=True) for i in range(clients)]
        for t in self.threads:
            t.start()

    def work(self, i):
        a_world, last = self.worlds[i % len(self.worlds)], {}
        connection, end = a_world.connection(), time.monotonic() + 180
        while True:
            with self.lock:
                if self.left <= 0 or time.monotonic() > end:
                    return
            card = random.choice(self.cards)
            try:
                answer = a_world.request("POST", DATA % card.supi, VECTOR, connection=connection)
            except (OSError, http.client.HTTPException):
                connection.close()
                connection = a_world.connection()
                time.sleep(0.02)
                continue
            with self.lock:
                self.take(card, answer, last)

    def take(self, card, answer, last):
        if answer.status == 503:
            return
        if answer.status != 200:
            self.wrong.append(answer)
            return
        rand, autn = (bytes.fromhex(answer.json["authenticationVector"][n]) for n in ("rand", "autn"))
        number = int.from_bytes(usim.xor(autn[:6], usim.Milenage(card.k, card.opc, rand).ak), "big")
        if number <= last.get(card.supi, -1):
            self.wrong.append("%s: %d after %d" % (card.supi, number, last[card.supi]))
        last[card.supi] = number
        self.numbers[card.supi].append(number)
        self.left -= 1

    def wait_for(self, left):
        world.wait_until(lambda: self.left <= left, 120, "%d vectors to come" % left)


def ask_next(a_world, device, connection):
    return device.ask_next(a_world, connection)


class Companions(load.ChaosCase):
    is_rough = True
    count = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.parameters = cls.world.request("GET", "/narpf-companion/v1/ibs-parameters").json
        cls.web = headless_device.Web()
        cls.addClassCleanup(cls.web.close)
        cls.maker = headless_device.Maker()
        cls.world.trust(cls.maker.root, "device")

    def new_card(self):
        Companions.count += 1
        return add_subscriber(self.world, "imsi-0010144%08d" % Companions.count)

    def new_companion(self):
        card = self.new_card()
        companion = usim.Companion(self.world, card.supi, card)
        self.assertEqual(200, companion.register().status)
        return companion

    def kill_under(self, under, count):
        for i in range(TIMES):
            under.wait_for((i + 1) * count // (TIMES + 2))
            self.world.kill_arpfd()
            self.world.start()
        under.finish()
        print("%d tries, %s" % (len(under.tries), under.causes()))
        self.assertEqual([], [d.dimsi for d in under.waiting], "not acknowledged in the end")
        for t in under.refused():
            if t.answer is not None:
                self.assertIn(self.cause_of(t.answer), CAUSES, t)
        self.assertEqual(count, len(set(under.supis.values())), "a SUPI was given twice")

    def vector(self, supi):
        answer = usim.ask_vector(self.world, supi)
        self.assertEqual(200, answer.status, answer)
        return answer.json

    def assert_iot_kept(self, device):
        """Asked once more, the server says what it said; the device authenticates by either SUPI."""
        again = device.ask(device.companion)
        self.assertEqual((200, *device.begun), (again.status, again.json["accessId"], again.json["b"]), again)
        again = device.confirm(self.world)
        self.assertEqual((200, device.finished), (again.status, again.json))
        device.card.accept(self.vector(device.card.supi))
        device.card.accept(self.vector(device.nai))

    def test_section_7_killed_under_load(self):
        companions = [self.new_companion() for _ in range(4)]
        devices = [Iot(companions[i % 4], self.parameters, wrong=(0, 0, 0, 2)[i % 4]) for i in range(COUNT)]
        self.kill_under(load.Load(self.world, devices, threads=16, patience_s=180, ask=ask_next), COUNT)
        for device in devices:
            self.assert_iot_kept(device)
        # One IMSI an Access ID and one Access ID an IMSI, and each with its credential.
        self.assertEqual([["0", "0"]], self.world.sql(
            "select count(*) - count(distinct imsi), count(*) filter (where not exists (select from credentials c"
            " where c.imsi = a.imsi and c.kind = 2)) from access_ids a where state = 1 and kind = 2"))
        self.assertEqual([["0"]], self.world.sql(
            "select count(*) from credentials c where kind = 2 and not exists"
            " (select from access_ids a where a.imsi = c.imsi and a.state = 1)"))

    def test_section_8_killed_under_load(self):
        count = COUNT // 3
        companions = [self.new_companion() for _ in range(4)]
        made = [self.maker.device() for _ in range(count)]
        devices = [Headless(companions[i % 4], d, self.web.serve(d), self.arpf.sign) for i, d in enumerate(made)]
        self.kill_under(load.Load(self.world, devices, threads=16, patience_s=180, ask=ask_next), count)
        for device in devices:
            card, k_prime, access_id = device.card, device.device.k_prime, device.device.access_id
            again = device.ask_next(self.world, None)
            self.assertEqual((200, card.supi, card.k, card.opc, k_prime, access_id), (
                again.status, device.card.supi, device.card.k, device.card.opc, device.device.k_prime,
                device.device.access_id))
            card.accept(self.vector(card.supi))
            card.accept(self.vector(device.device.nai))
        self.assertEqual([[str(count)] * 3], self.world.sql(
            "select (select count(*) from headless_devices), (select count(*) from credentials where kind = 3),"
            " (select count(*) from access_ids where kind = 3)"))

    def check_numbers(self, counting):
        for t in counting.threads:
            t.join()
        self.assertEqual([], counting.wrong[:5])
        self.assertLessEqual(counting.left, 0, "not all vectors came")
        lost = 0
        for supi, numbers in counting.numbers.items():
            self.assertEqual(len(numbers), len(set(numbers)), "an SQN of %s was given twice" % supi)
            lost += (max(numbers) >> 5) - len(numbers)
        print("%d vectors of %d subscribers, %d numbers lost" % (
            sum(map(len, counting.numbers.values())), len(counting.numbers), lost))

    def test_no_sqn_twice_across_kills(self):
        counting = Counting([self.world], [self.new_card() for _ in range(3)])
        for i in range(TIMES):
            counting.wait_for(VECTORS * (TIMES + 1 - i) // (TIMES + 2))
            self.world.kill_arpfd()
            self.world.start()
        self.check_numbers(counting)

    def test_no_sqn_twice_of_two_replicas(self):
        """Both serve the same subscribers; each is killed in turn, and so is a database's connection."""
        replica = Replica(self.world)
        try:
            counting = Counting([self.world, replica], [self.new_card() for _ in range(3)])
            counting.wait_for(VECTORS * 4 // 5)
            self.world.kill_arpfd()
            self.world.start()
            counting.wait_for(VECTORS * 3 // 5)
            self.world.sql("select pg_terminate_backend(pid) from pg_stat_activity "
                           "where pid <> pg_backend_pid() and datname = current_database()")
            counting.wait_for(VECTORS * 2 // 5)
            replica.kill()
            replica.start()
            self.check_numbers(counting)
        finally:
            replica.end()

    def test_what_was_acknowledged_a_moment_ago(self):
        """Sessions, wrong MAC2, resynchronisation and events: the server dies when it has answered."""
        companion, gone = self.new_companion(), self.new_companion()
        tried = Iot(companion, self.parameters)
        self.assertEqual(201, tried.ask(companion).status)
        tried.take(tried.ask(companion).json, self.parameters)
        card, attached = self.new_card(), self.issuer.device(self.arpf)
        supi = self.assert_attached(attached, self.world.attach(attached))
        state = "/nausf-initial-attach/v1/contexts/" + attached.dimsi
        vector = self.vector(card.supi)
        rand = bytes.fromhex(vector["authenticationVector"]["rand"])

        def wrong_mac():
            self.assert_problem(tried.confirm(self.world, mac2=usim.protocol.b64(os.urandom(32))), 403, "MAC_INVALID")

        def resynchronise():
            answer = usim.ask_vector(self.world, card.supi, resync=(rand, card.auts(rand, 5000 << 5)))
            self.assertEqual(200, answer.status, answer)
            card.sqn = 5000 << 5
            card.accept(answer.json)

        def tell_event():
            self.assertEqual(201, usim.tell_event(self.world, supi).status)

        def remove():
            self.assertEqual(204, gone.remove().status)

        for act in (wrong_mac, wrong_mac, resynchronise, tell_event, remove, wrong_mac):
            act()
            self.world.kill_arpfd()
            self.world.start()
        self.assert_problem(tried.confirm(self.world), 403, "CREDENTIAL_REVOKED")
        self.assertEqual(5002, card.accept(self.vector(card.supi)) >> 5)
        self.assertEqual("ATTACHED", self.world.request("GET", state).json["state"])
        self.assert_problem(gone.remove(), 404, "SESSION_NOT_FOUND")
        self.assertEqual(201, Iot(companion, self.parameters).ask(companion).status, "the session is there")


if __name__ == "__main__":
    world.main()
