#!/usr/bin/python3
"""Subscribers with an existing K: one by one and from files, as the server then authenticates them."""
import json
import os
import signal
import subprocess
import unittest

from cryptography.hazmat.primitives import keywrap

import usim
import world


def key_line(card, third=None, k=None):
    return "%s,%s,%s" % (card.supi, (k or card.k).hex(), (third or card.opc).hex())


class SubscriberCase(world.WorldCase):
    count = 0

    def card(self, plmn="00101", **keys):
        SubscriberCase.count += 1
        return usim.Usim("imsi-%s66%08d" % (plmn, SubscriberCase.count), **keys)

    def write(self, name, content, mode=0o600):
        path = self.world.path(name)
        if os.path.exists(path):
            os.unlink(path)
        with open(path, "w", opener=lambda p, flags: os.open(p, flags, mode)) as f:
            f.write(content)
        return path

    def write_csv(self, name, lines, header="supi,k,opc", end="\n"):
        return self.write(name, end.join([header, *lines, ""]))

    def run_import(self, path, *options, expect=0):
        done = self.world.run("arpfctl", "subscriber", "import", path, "--json", *options, check=False)
        self.assertEqual(expect, done.returncode, done)
        return json.loads(done.stdout), done.stderr

    def add(self, card, *options, k_mode=0o600, expect=0, end="\n"):
        k = self.write("k.hex", card.k.hex() + end, k_mode)
        third = self.write("opc.hex", card.opc.hex() + end)
        done = self.world.run("arpfctl", "subscriber", "add", "--supi", card.supi, "--k-file", k,
                              *(options or ("--opc-file", third)), check=False)
        self.assertEqual(expect, done.returncode, done)
        return done

    def assert_authenticates(self, card):
        answer = usim.ask_vector(self.world, card.supi)
        self.assertEqual(200, answer.status, answer)
        card.accept(answer.json)

    def assert_stored(self, card):
        """Kept for section 8 alone: Milenage has no use for a K of 256 bits."""
        self.assert_problem(usim.ask_vector(self.world, card.supi), 409, "CONFLICT")

    def assert_serves(self, card):
        (self.assert_authenticates if len(card.k) == 16 else self.assert_stored)(card)

    def assert_unknown(self, card):
        self.assert_problem(usim.ask_vector(self.world, card.supi), 404, "USER_NOT_FOUND")

    def assert_said_nothing(self, text):
        """But for warnings: a worker that finds another's login half written to the token starts once more."""
        self.assertEqual([], [line for line in text.splitlines()
                              if not line.startswith("time=") or " level=info " in line])

    def assert_said(self, text, *words):
        for word in words:
            self.assertIn(word, text)


class Adding(SubscriberCase):
    def test_opc_with_any_end_of_line(self):
        for end in ("\n", "\r\n", ""):
            card = self.card()
            done = self.add(card, end=end)
            self.assert_said_nothing(done.stderr)
            self.assert_authenticates(card)

    def test_k_of_256_bits(self):
        card = self.card(k=os.urandom(32))
        self.add(card)
        self.assert_stored(card)

    def test_op(self):
        card, op = self.card(), os.urandom(16)
        card.opc = usim.opc_of(card.k, op)
        self.add(card, "--op-file", self.write("op.hex", op.hex()))
        self.assert_authenticates(card)

    def test_a_key_that_others_may_read_is_warned_of(self):
        card = self.card()
        done = self.add(card, k_mode=0o644)
        self.assert_said(done.stderr, "warning", "chmod 600")
        self.assertNotIn(card.k.hex(), done.stderr)
        self.assert_authenticates(card)

    def test_who_is_there_stays(self):
        card = self.card()
        self.add(card)
        other = usim.Usim(card.supi)
        self.assert_said(self.add(other, expect=1).stderr, "CONFLICT", "has a credential already")
        self.assert_authenticates(card)

    def test_refused(self):
        self.assert_said(self.add(self.card(plmn="00102"), expect=1).stderr, "INVALID_PARAMETER")
        for supi in ("imsi-00101", "nai-001016600000001"):
            self.assert_said(self.add(usim.Usim(supi), expect=2).stderr, "USAGE")
        card = self.card()
        for name, content in (("k", "00" * 15), ("k", "x" * 32), ("k", ""), ("k", "00" * 200),
                              ("opc", "00" * 15), ("opc", "00" * 32)):
            files = {"k": card.k.hex(), "opc": card.opc.hex(), name: content}
            done = self.world.run("arpfctl", "subscriber", "add", "--supi", card.supi,
                                  "--k-file", self.write("k.hex", files["k"]),
                                  "--opc-file", self.write("opc.hex", files["opc"]), check=False)
            self.assertEqual(1, done.returncode, (name, content, done))
        self.assert_unknown(card)

    def test_used_wrongly(self):
        k = self.write("k.hex", "00" * 16)
        for options in ([], ["--opc-file", k, "--op-file", k]):
            done = self.world.run("arpfctl", "subscriber", "add", "--supi", "imsi-001016600000001",
                                  "--k-file", k, *options, check=False)
            self.assertEqual(2, done.returncode, done)


class Importing(SubscriberCase):
    def test_every_line_is_in(self):
        cards = [self.card(k=os.urandom(16 + 16 * (i % 2))) for i in range(300)]
        counts, said = self.run_import(self.write_csv("all.csv", map(key_line, cards), end="\r\n"))
        self.assertEqual({"lines": 301, "added": 300, "alreadyThere": 0, "refused": 0, "done": True}, counts)
        self.assert_said_nothing(said)
        for card in cards[::23]:
            self.assert_serves(card)

    def test_op(self):
        cards, op = [self.card() for _ in range(5)], os.urandom(16)
        self.run_import(self.write_csv("op.csv", (key_line(c, op) for c in cards), "supi,k,op"))
        for card in cards:
            card.opc = usim.opc_of(card.k, op)
            self.assert_authenticates(card)

    def test_bad_lines_are_reported_and_the_others_are_in(self):
        good, there, bad = [self.card() for _ in range(3)], self.card(), self.card()
        self.add(there)
        lines = [key_line(good[0]), key_line(there), "", key_line(bad)[:-1], "x" * 600, key_line(good[1]),
                 key_line(self.card(plmn="00102")), key_line(good[2]), key_line(usim.Usim(good[0].supi))]
        counts, said = self.run_import(self.write_csv("bad.csv", lines), expect=1)
        self.assertEqual({"lines": 10, "added": 3, "alreadyThere": 0, "refused": 5, "done": True}, counts)
        self.assert_said(said, "line 3: the IMSI has a credential", "line 5: OPc", "line 6: ", "512 bytes",
                         "line 8: the IMSI is not of the home PLMN", "line 10: the IMSI has a credential")
        for key in (bad.k, bad.opc, there.k):
            self.assertNotIn(key.hex()[:16], said)
        for card in (*good, there):
            self.assert_authenticates(card)
        self.assert_unknown(bad)

    def test_a_finished_file_is_not_begun_again(self):
        path = self.write_csv("once.csv", [key_line(self.card())])
        self.run_import(path)
        done = self.world.run("arpfctl", "subscriber", "import", path, check=False)
        self.assertEqual((1, ""), (done.returncode, done.stdout), done)
        self.assert_said(done.stderr, "--restart")
        counts, said = self.run_import(path, "--restart", expect=1)
        self.assertEqual((0, 1), (counts["added"], counts["refused"]))
        self.assert_said(said, "line 2: the IMSI has a credential")

    def test_no_header(self):
        done = self.world.run("arpfctl", "subscriber", "import",
                              self.write("none.csv", key_line(self.card()) + "\n"), check=False)
        self.assertEqual((1, ""), (done.returncode, done.stdout), done)
        self.assert_said(done.stderr, "supi,k,opc")


class Transport(SubscriberCase):
    """K encrypted under a key of the HSM's, which softhsm2-util puts there."""

    is_rough = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = os.urandom(16).hex().encode()  # softhsm2-util takes files of text alone
        path = cls.world.path("transport.key")
        with open(path, "wb") as f:
            f.write(cls.key)
        with open(cls.world.path("pin")) as f:
            pin = f.read().strip()
        done = subprocess.run(["softhsm2-util", "--import", path, "--aes", "--token", "openarpf", "--pin", pin,
                               "--label", "transport", "--id", "a1"],
                              env=cls.world.environment, capture_output=True, text=True, timeout=60)
        os.unlink(path)
        if done.returncode != 0:
            raise unittest.SkipTest("softhsm2-util cannot import an AES key: " + done.stderr)

    def wrapped(self, card, key=None):
        return key_line(card, k=keywrap.aes_key_wrap(key or self.key, card.k))

    def test_wrapped(self):
        cards = [self.card(k=os.urandom(16 + 16 * (i % 2))) for i in range(40)]
        counts, _ = self.run_import(self.write_csv("wrapped.csv", map(self.wrapped, cards)),
                                    "--transport-key", "transport")
        self.assertEqual((40, 0), (counts["added"], counts["refused"]))
        for card in cards[::7]:
            self.assert_serves(card)

    def test_wrapped_with_op(self):
        card, op = self.card(), os.urandom(16)
        line = key_line(card, third=op, k=keywrap.aes_key_wrap(self.key, card.k))
        self.run_import(self.write_csv("wrapped-op.csv", [line], "supi,k,op"), "--transport-key", "transport")
        card.opc = usim.opc_of(card.k, op)
        self.assert_authenticates(card)

    def test_under_another_key(self):
        good, bad = self.card(), self.card()
        lines = [self.wrapped(bad, os.urandom(32)), self.wrapped(good)]
        counts, said = self.run_import(self.write_csv("other.csv", lines), "--transport-key", "transport", expect=1)
        self.assertEqual((1, 1), (counts["added"], counts["refused"]))
        self.assert_said(said, "line 2: the HSM does not take it")
        self.assert_authenticates(good)
        self.assert_unknown(bad)

    def test_no_such_key(self):
        path = self.write_csv("unknown.csv", [self.wrapped(self.card())])
        for label in ("transporter", "arpf.kek.1"):
            counts, said = self.run_import(path, "--transport-key", label, expect=1)
            self.assertFalse(counts["done"])
            self.assert_said(said, "no transport key of this label")


class Interrupted(SubscriberCase):
    is_rough = True
    lines = 40000

    def write_many(self, name, first):
        self.cards = [usim.Usim("imsi-0010155%08d" % (first + i)) for i in range(self.lines)]
        return self.write_csv(name, map(key_line, self.cards))

    def journalled(self):
        rows = self.world.sql("select coalesce(max(line), 0) from subscriber_imports where not is_done")
        return int(rows[0][0])

    def stored(self, first):
        return int(self.world.sql("select count(*) from credentials where imsi between %d and %d" % (
            1015500000000 + first, 1015500000000 + first + self.lines))[0][0])

    def begin_and_wait(self, path, first):
        importing = subprocess.Popen([self.world.program("arpfctl"), "subscriber", "import", path, "--json"],
                                     env=self.world.environment, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        world.wait_until(lambda: self.stored(first) > 0 or importing.poll() is not None, 60, "the first are stored")
        return importing

    def finish(self, path, first, added=None):
        counts, said = self.run_import(path)
        self.assert_said(said, "going on behind line")
        self.assertTrue(counts["done"])
        self.assertEqual(self.lines, counts["added"] + counts["alreadyThere"])
        if added is not None:
            self.assertEqual(added, counts["added"])
        self.assertEqual(self.lines, self.stored(first))
        for card in self.cards[::self.lines // 7]:
            self.assert_authenticates(card)

    def test_by_sigterm(self):
        path = self.write_many("term.csv", 0)
        importing = self.begin_and_wait(path, 0)
        importing.send_signal(signal.SIGTERM)
        out, said = importing.communicate(timeout=300)
        counts = json.loads(out)
        if counts["done"]:
            self.skipTest("it was done before it could be interrupted")
        self.assertEqual(1, importing.returncode)
        self.assert_said(said, "the same command goes on")
        self.assertEqual(counts["added"], self.stored(0))
        self.finish(path, 0, self.lines)

    def test_by_sigkill(self):
        for first in range(10000000, 20000000, 1000000):
            path = self.write_many("kill-%d.csv" % first, first)
            importing = self.begin_and_wait(path, first)
            importing.kill()
            importing.communicate(timeout=300)
            if self.stored(first) < self.lines:
                break  # else it was done before it could be killed
        self.assertLess(self.stored(first), self.lines)
        self.assertLessEqual(self.journalled(), self.stored(first) + 1)
        self.finish(path, first)

    def test_database_away_for_a_while(self):
        path = self.write_many("away.csv", 20000000)
        importing = self.begin_and_wait(path, 20000000)
        self.world.stop_postgres("immediate")
        self.world.start_postgres()
        out, said = importing.communicate(timeout=300)
        self.assertEqual(0, importing.returncode, said)
        self.assertEqual(self.lines, json.loads(out)["added"])
        self.assertEqual(self.lines, self.stored(20000000))

    def test_two_at_once(self):
        path = self.write_many("twice.csv", 30000000)
        importing = self.begin_and_wait(path, 30000000)
        done = self.world.run("arpfctl", "subscriber", "import", path, check=False)
        out, said = importing.communicate(timeout=300)
        self.assertEqual(1, done.returncode, done)
        self.assert_said(done.stderr, "CONFLICT")
        self.assertEqual((0, self.lines), (importing.returncode, json.loads(out)["added"]), said)


if __name__ == "__main__":
    world.main()
