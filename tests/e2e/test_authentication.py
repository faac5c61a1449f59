#!/usr/bin/python3
"""Authentication data, authentication events and companion sessions (docs/protocol.md sections 5 and 6)."""
import concurrent.futures
import json
import os

import usim
import world
from usim import Companion, Usim, ask_vector, tell_event

DATA = "/nudm-ueau/v1/%s/security-information/generate-auth-data"


def add_subscriber(w, supi, k=None, opc=None):
    """By the operator's tool, as an operator would."""
    card = Usim(supi, k, opc)
    paths = {}
    for name, value in (("k", card.k), ("opc", card.opc)):
        paths[name] = w.path("%s.%s" % (supi, name))
        with open(paths[name], "w", opener=lambda p, f: os.open(p, f, 0o600)) as out:
            out.write(value.hex() + "\n")
    w.run("arpfctl", "subscriber", "add", "--supi", supi, "--k-file", paths["k"],
          "--opc-file", paths["opc"])
    for path in paths.values():
        os.unlink(path)
    return card


class AuthCase(world.WorldCase):
    count = 0

    def subscriber(self, **keys):
        AuthCase.count += 1
        return add_subscriber(self.world, "imsi-0010177%08d" % (AuthCase.count + os.getpid() % 1000 * 10000),
                              **keys)

    def vector(self, supi, **more):
        answer = ask_vector(self.world, supi, **more)
        self.assertEqual(200, answer.status, answer)
        return answer.json


class Vectors(AuthCase):
    def test_subscriber_authenticates(self):
        card = self.subscriber()
        for _ in range(3):
            said = self.vector(card.supi)
            self.assertEqual({"authType", "authenticationVector", "supi"}, set(said))
            self.assertEqual(card.supi, said["supi"])
            card.accept(said)

    def test_other_serving_network(self):
        card = self.subscriber()
        for network in ("5G:mnc015.mcc234.3gppnetwork.org", "5G:mnc015.mcc234.3gppnetwork.org:0123456789A"):
            card.accept(self.vector(card.supi, network=network), network)

    def test_sqn_goes_up_by_one_in_both_parts(self):
        card = self.subscriber()
        numbers = [card.accept(self.vector(card.supi)) for _ in range(40)]
        for a, b in zip(numbers, numbers[1:]):
            self.assertEqual((a >> 5) + 1, b >> 5)
            self.assertEqual(((a & 31) + 1) % 32, b & 31)

    def test_rand_differs(self):
        card = self.subscriber()
        self.assertEqual(20, len({self.vector(card.supi)["authenticationVector"]["rand"]
                                  for _ in range(20)}))

    def test_initial_attach_then_aka(self):
        device = self.issuer.device(self.arpf)
        supi = self.assert_attached(device, self.world.attach(device))
        secrets = device.secrets()
        card = Usim(supi, secrets["eKa"], secrets["eOPc"])
        card.accept(self.vector(supi))
        state = "/nausf-initial-attach/v1/contexts/" + device.dimsi
        self.assertEqual("VECTORS_SENT", self.world.request("GET", state).json["state"])
        self.assertEqual(201, tell_event(self.world, supi, False).status)
        self.assertEqual("VECTORS_SENT", self.world.request("GET", state).json["state"])
        said = tell_event(self.world, supi)
        self.assertEqual(201, said.status, said)
        self.assertIs(True, said.json["success"])
        self.assertEqual("ATTACHED", self.world.request("GET", state).json["state"])
        card.accept(self.vector(supi))
        self.assertEqual(204, self.world.request("DELETE", state).status)
        self.assert_problem(ask_vector(self.world, supi), 404, "USER_NOT_FOUND")

    def test_known_key_and_op(self):
        """TS 35.208 set 1, as K and OP: the tool computes OPc."""
        k = bytes.fromhex("465b5ce8b199b49faa5f0a2ee238a6bc")
        op = bytes.fromhex("cdc202d5123e20f62b6d676ac72cb318")
        opc = bytes.fromhex("cd63cb71954a9f4e48a5994e37a02baf")
        self.assertEqual(opc, usim.opc_of(k, op))
        card = self.subscriber(k=k, opc=opc)
        card.accept(self.vector(card.supi))

    def test_256_bit_key_is_kept_and_refused(self):
        card = self.subscriber(k=os.urandom(32))
        self.assert_problem(ask_vector(self.world, card.supi), 409, "CONFLICT")

    def test_many_at_once_never_the_same(self):
        """8 clients × 1,000 requests for one SUPI: 8,000 distinct numbers, each client's increasing."""
        card = self.subscriber()
        each = 100 if world.IS_SANITIZED else 1000

        def client(_):
            connection, got = self.world.connection(), []
            for _ in range(each):
                answer = self.world.request(
                    "POST", DATA % card.supi,
                    {"servingNetworkName": usim.NETWORK, "ausfInstanceId": usim.AUSF},
                    connection=connection)
                got.append(answer.json["authenticationVector"] if answer.status == 200 else answer)
            connection.close()
            return got

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            clients = list(pool.map(client, range(8)))
        everything = set()
        for got in clients:
            self.assertTrue(all(isinstance(v, dict) for v in got), [v for v in got if not isinstance(v, dict)][:3])
            numbers = []
            for v in got:
                rand, autn = bytes.fromhex(v["rand"]), bytes.fromhex(v["autn"])
                ak = usim.Milenage(card.k, card.opc, rand).ak
                numbers.append(int.from_bytes(usim.xor(autn[:6], ak), "big"))
            self.assertEqual(sorted(numbers), numbers)
            everything.update(numbers)
        self.assertEqual(8 * each, len(everything))


class Resynchronisation(AuthCase):
    def resync(self, card, sqn_ms, vector=None):
        vector = vector or self.vector(card.supi)
        rand = bytes.fromhex(vector["authenticationVector"]["rand"])
        return ask_vector(self.world, card.supi, resync=(rand, card.auts(rand, sqn_ms)))

    def test_sqn_follows_the_usim(self):
        card = self.subscriber()
        card.accept(self.vector(card.supi))
        sqn_ms = 123456 << 5 | 7
        answer = self.resync(card, sqn_ms)
        self.assertEqual(200, answer.status, answer)
        card.sqn = sqn_ms
        self.assertEqual(123457, card.accept(answer.json) >> 5)
        card.accept(self.vector(card.supi))

    def test_never_back(self):
        card = self.subscriber()
        for _ in range(5):
            card.accept(self.vector(card.supi))
        answer = self.resync(card, 1 << 5)
        self.assertEqual(200, answer.status, answer)
        card.accept(answer.json)

    def test_replay_changes_nothing(self):
        card = self.subscriber()
        vector = self.vector(card.supi)
        for _ in range(2):
            answer = self.resync(card, 5000 << 5, vector)
            card.accept(answer.json)
        self.assertEqual(5002, card.sqn >> 5)

    def test_wrong_mac_s(self):
        card = self.subscriber()
        vector = self.vector(card.supi)
        card.accept(vector)
        rand = bytes.fromhex(vector["authenticationVector"]["rand"])
        auts = bytearray(card.auts(rand, 1 << 40))
        for at in (0, 5, 6, 13):
            bad = bytearray(auts)
            bad[at] ^= 1
            self.assert_problem(ask_vector(self.world, card.supi, resync=(rand, bytes(bad))),
                                403, "MAC_INVALID")
        self.assertEqual(2, card.accept(self.vector(card.supi)) >> 5)

    def test_shapes(self):
        card = self.subscriber()
        for info in ({}, {"rand": "00" * 16}, {"auts": "00" * 14}, {"rand": "00" * 15, "auts": "00" * 14},
                     {"rand": "00" * 16, "auts": "00" * 13}, {"rand": "zz" * 16, "auts": "00" * 14},
                     {"rand": 5, "auts": []}, [], "x"):
            answer = self.world.request("POST", DATA % card.supi, {
                "servingNetworkName": usim.NETWORK, "ausfInstanceId": usim.AUSF,
                "resynchronizationInfo": info})
            self.assertEqual(400, answer.status, (info, answer))

    def test_numbers_used_up(self):
        card = self.subscriber()
        answer = self.resync(card, (1 << 48) - 1)
        self.assert_problem(answer, 410, "CREDENTIAL_RETIRED")


class Supis(AuthCase):
    def test_wrong_shapes(self):
        for supi in ("imsi-00101000000001", "imsi-0010100000000001", "imsi-00101000000000a", "imsi-",
                     "001010000000001", "IMSI-001010000000001", "nai-", "nai-00@x", "nai-" + "0" * 32,
                     "nai-%s@5gc.mnc01.mcc001.3gppnetwork.org" % ("0" * 32),
                     "nai-%s@5gc.mnc001.mcc001.3gppnetwork.org" % ("g" * 32),
                     "nai-%s@5gc.mnc001.mcc001.3gppnetwork.org" % ("0" * 31),
                     "suci-", "suci-0-001-01-0-0-0", "suci-0-001-01-0-0-0-", "suci-0-001-01-0-3-0-00",
                     "suci-1-001-01-0-0-0-0000000001", "suci-0-001-01-00000-0-0-0000000001",
                     "suci-0-001-01-0-0-0-000000001", "suci-0-001-01-0-0-0-00000000001",
                     "suci-0-001-01-0-0-256-0000000001", "suci-0-001-01-0-1-1-00", "suci-0-001-01-0-2-1-zz",
                     "suci-0-001-01-0-2-1-" + "00" * 400, "%00", "x" * 2000, "gci-1", "gli-2"):
            answer = ask_vector(self.world, supi)
            self.assertIn((answer.status, self.cause_of(answer)), (
                (400, "INVALID_PARAMETER"), (404, "USER_NOT_FOUND"), (404, "RESOURCE_NOT_FOUND")),
                (supi, answer))

    def test_unknown(self):
        self.assert_problem(ask_vector(self.world, "imsi-001019999999999"), 404, "USER_NOT_FOUND")
        self.assert_problem(ask_vector(self.world, "imsi-999999999999999"), 404, "USER_NOT_FOUND")
        nai = "nai-%s@5gc.mnc001.mcc001.3gppnetwork.org" % os.urandom(16).hex()
        self.assert_problem(ask_vector(self.world, nai), 404, "USER_NOT_FOUND")
        self.assert_problem(tell_event(self.world, "imsi-001019999999999"), 404, "USER_NOT_FOUND")

    def test_null_scheme(self):
        card = self.subscriber()
        said = self.vector("suci-0-001-01-0-0-0-" + card.supi[10:])
        self.assertEqual(card.supi, said["supi"])
        card.accept(said)
        self.assert_problem(ask_vector(self.world, "suci-0-002-01-0-0-0-" + card.supi[10:]),
                            404, "USER_NOT_FOUND")

    def keys(self, use):
        done = self.world.run("arpfctl", "keys", "list", "--json")
        said = json.loads(done.stdout)
        rows = said if isinstance(said, list) else said.get("keys", said.get("items"))
        return {r["generation"]: r["publicKey"] for r in rows if r.get("use") == use}

    def test_profile_b(self):
        card = self.subscriber()
        points = self.keys("suci-b")
        self.assertTrue(points)
        for generation, text in points.items():
            point = usim.protocol.unb64(text)
            for compressed in (True, False):
                output = usim.conceal_b(point, card.supi[10:], compressed)
                said = self.vector("suci-0-001-01-0012-2-%d-%s" % (generation, output.hex()))
                self.assertEqual(card.supi, said["supi"])
                card.accept(said)
        bad = bytearray(output)
        bad[-1] ^= 1
        self.assert_problem(ask_vector(self.world, "suci-0-001-01-0-2-%d-%s" % (generation, bad.hex())),
                            403, "MAC_INVALID")
        off = b"\2" + b"\xff" * 32 + output[-13:]
        self.assert_problem(ask_vector(self.world, "suci-0-001-01-0-2-%d-%s" % (generation, off.hex())),
                            400, "INVALID_PARAMETER")
        self.assert_problem(ask_vector(self.world, "suci-0-001-01-0-2-99-" + output.hex()),
                            400, "INVALID_PARAMETER")

    def test_profile_a(self):
        points = self.keys("suci-a")
        card = self.subscriber()
        if not points:
            self.assert_problem(ask_vector(self.world, "suci-0-001-01-0-1-1-" + "00" * 45),
                                400, "INVALID_PARAMETER")
            self.skipTest("the module has no X25519")
        generation, text = sorted(points.items())[-1]
        output = usim.conceal_a(usim.protocol.unb64(text)[:32], card.supi[10:])
        said = self.vector("suci-0-001-01-0-1-%d-%s" % (generation, output.hex()))
        self.assertEqual(card.supi, said["supi"])
        card.accept(said)
        zero = bytes(32) + output[32:]
        answer = ask_vector(self.world, "suci-0-001-01-0-1-%d-%s" % (generation, zero.hex()))
        self.assertIn(answer.status, (400, 403), answer)


class Bodies(AuthCase):
    def test_members(self):
        card = self.subscriber()
        good = {"servingNetworkName": usim.NETWORK, "ausfInstanceId": usim.AUSF}
        for member in good:
            body = {k: v for k, v in good.items() if k != member}
            self.assert_problem(self.world.request("POST", DATA % card.supi, body),
                                400, "MISSING_PARAMETER", member)
        for network in ("", "x", "5G:mnc01.mcc001.3gppnetwork.org", usim.NETWORK + "x", 5, "5G:" * 60):
            self.assert_problem(
                self.world.request("POST", DATA % card.supi, {**good, "servingNetworkName": network}),
                400, "INVALID_PARAMETER", "servingNetworkName")

    def test_events(self):
        card = self.subscriber()
        self.assertEqual(201, tell_event(self.world, card.supi).status)
        for changes in ({"success": "yes"}, {"timeStamp": "yesterday"}, {"timeStamp": None},
                        {"success": None}, {"nfInstanceId": 7}):
            self.assertEqual(400, tell_event(self.world, card.supi, **{"success": True, **changes}
                                             if "success" in changes else {**changes}).status, changes)


class Sessions(AuthCase):
    def test_register_and_remove(self):
        card = self.subscriber()
        companion = Companion(self.world, card.supi, card)
        answer = companion.register()
        self.assertEqual(200, answer.status, answer)
        self.assertNotIn(companion.k_akma.hex(), answer.body.decode())
        self.assertEqual(200, companion.register().status)
        self.assertEqual(204, companion.remove().status)
        self.assert_problem(companion.remove(), 404, "SESSION_NOT_FOUND")

    def test_shapes(self):
        good = {"supi": "imsi-001010000000001", "aKId": "r0a@akma.5gc.mnc001.mcc001.3gppnetwork.org",
                "kAkma": "00" * 32}
        path = "/naanf-akma/v1/register-anchorkey"
        for changes in ({"supi": "imsi-1"}, {"supi": 5}, {"aKId": ""}, {"aKId": "x" * 400}, {"aKId": "no at"},
                        {"kAkma": "00" * 31}, {"kAkma": "00" * 33}, {"kAkma": "zz" * 32}, {"kAkma": 5}):
            self.assertEqual(400, self.world.request("POST", path, {**good, **changes}).status, changes)
        for member in good:
            self.assert_problem(
                self.world.request("POST", path, {k: v for k, v in good.items() if k != member}),
                400, "MISSING_PARAMETER", member)


class States(AuthCase):
    """What section 11 will set, set here by hand."""

    def test_what_is_not_active_is_refused(self):
        for state, status, cause in ((2, 403, "CREDENTIAL_SUSPENDED"), (3, 410, "CREDENTIAL_RETIRED"),
                                     (4, 403, "CREDENTIAL_REVOKED"), (0, 404, "USER_NOT_FOUND")):
            card = self.subscriber()
            where = " WHERE imsi = " + card.supi[5:]
            self.world.sql("UPDATE credentials SET state = %d%s" % (state, where))
            self.assert_problem(ask_vector(self.world, card.supi), status, cause)
            self.assertEqual([["0"]], self.world.sql("SELECT sqn FROM credentials" + where))
            self.world.sql("UPDATE credentials SET state = 1" + where)
            card.accept(self.vector(card.supi))

    def test_overdue_to_the_second(self):
        card = self.subscriber()
        for seconds in (600, 1):
            self.world.sql("UPDATE credentials SET not_after = floor(extract(epoch FROM now())) + %d WHERE imsi = %s"
                           % (seconds, card.supi[5:]))
            if seconds > 1:
                card.accept(self.vector(card.supi))
        world.wait_until(lambda: ask_vector(self.world, card.supi).status != 200, 10, "it is overdue")
        self.assert_problem(ask_vector(self.world, card.supi), 403, "CREDENTIAL_EXPIRED")


class EkLifetime(AuthCase):
    settings = {"subscriptions.ek_lifetime_s": "2"}

    def test_retires_after_its_first_success(self):
        device = self.issuer.device(self.arpf)
        supi = self.assert_attached(device, self.world.attach(device))
        card = Usim(supi, device.secrets()["eKa"], device.secrets()["eOPc"])
        card.accept(self.vector(supi))
        self.assertEqual(201, tell_event(self.world, supi).status)
        world.wait_until(lambda: ask_vector(self.world, supi).status != 200, 20, "eK retires")
        self.assert_problem(ask_vector(self.world, supi), 410, "CREDENTIAL_RETIRED")


if __name__ == "__main__":
    world.main()
