#!/usr/bin/python3
"""Requests that come byte by byte: they have request_timeout_s for all of them; waiting for one does not count."""
import contextlib
import json
import re
import socket
import ssl
import time

import tls_world
import world

WITHIN_S = 2
PAUSE_S = 0.25
PIECES = 400  # so many pauses would be a hundred seconds
CONTEXTS = b"/nausf-initial-attach/v1/contexts"
GET = b"GET /narpf-ek/v1/certificate HTTP/1.1\r\nHost: x\r\n\r\n"


class Slow:
    """On a listener of either kind; dial() connects as a caller who may."""

    # who waits for a request could wait for ever
    settings = {"server.request_timeout_s": WITHIN_S, "server.connection_timeout_s": 86400}

    def head(self, length, more=b""):
        return (b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
                % (CONTEXTS, more, length))

    def trickle(self, s, piece):
        """Sends piece after piece until the other side has answered or closed: what it said, and how long it took."""
        began, sent, got = time.monotonic(), 0, b""
        s.settimeout(PAUSE_S)
        while sent < PIECES:
            try:
                s.sendall(piece)
                sent += 1
                more = s.recv(65536)
            except (TimeoutError, socket.timeout):
                continue
            except ConnectionError:
                more = b""
            if not more:
                break
            got += more
        self.assertLess(sent, PIECES, "it would have been read for ever")
        return got, time.monotonic() - began

    def ask(self, s):
        s.settimeout(world.PATIENCE_S)
        s.sendall(GET)
        got = b""
        while b"}" not in got:
            more = s.recv(65536)
            self.assertTrue(more, got)
            got += more
        self.assertTrue(got.startswith(b"HTTP/1.1 200 "), got)

    def test_head(self):
        """What has no head yet is closed without an answer."""
        for before in (b"", GET.split(b"\r\n", 1)[0] + b"\r\nX-Long: "):
            with self.dial() as s:
                if before:
                    s.sendall(before)
                got, took = self.trickle(s, b"G")
                self.assertEqual(b"", got)
                self.assertGreater(took, WITHIN_S / 2)

    def test_body(self):
        with self.dial() as s:
            s.sendall(self.head(4000, b"X-Request-Id: slow-1\r\n"))
            got, took = self.trickle(s, b"{")
            self.assertGreater(took, WITHIN_S / 2)
            head, body = got.split(b"\r\n\r\n", 1)
            self.assertTrue(head.startswith(b"HTTP/1.1 408 "), head)
            self.assertIn(b"\r\nConnection: close", head)
            self.assertIn(b"\r\nContent-Type: application/problem+json", head)
            self.assertIn(b"\r\nX-Request-Id: slow-1", head)
            self.assertEqual(len(body), int(re.search(rb"Content-Length: (\d+)", head).group(1)))
            said = json.loads(body)
            self.assertEqual((408, "REQUEST_TIMEOUT", "slow-1"), (said["status"], said["cause"], said["instance"]))

    def test_body_in_chunks(self):
        with self.dial() as s:
            s.sendall(self.head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
            self.assertTrue(self.trickle(s, b"1\r\n \r\n")[0].startswith(b"HTTP/1.1 408 "))

    def test_body_that_ends_after_the_answer(self):
        with self.dial() as s:
            s.sendall(self.head(10) + b"{")
            s.settimeout(world.PATIENCE_S)
            self.assertTrue(s.recv(65536).startswith(b"HTTP/1.1 408 "))
            with contextlib.suppress(ConnectionError):
                s.sendall(b" " * 9)
                self.assertEqual(b"", s.recv(65536))

    def test_refused_body(self):
        """One that is dropped as it comes is no way round it."""
        with self.dial() as s:
            s.sendall(self.head(4000).replace(CONTEXTS, b"/nowhere"))
            self.assertTrue(self.trickle(s, b" ")[0].startswith(b"HTTP/1.1 408 "))

    def test_second_request(self):
        with self.dial() as s:
            self.ask(s)
            s.sendall(self.head(4000))
            self.assertTrue(self.trickle(s, b" ")[0].startswith(b"HTTP/1.1 408 "))

    def test_waiting_does_not_count(self):
        """Before the first request, between two, and after one that took its time."""
        with self.dial() as s:
            for _ in range(3):
                time.sleep(WITHIN_S * 1.5)
                self.ask(s)
            for _ in range(3):
                s.sendall(GET[:-1])
                time.sleep(WITHIN_S / 4)
                s.sendall(GET[-1:] + GET)
                got = b""
                while got.count(b"HTTP/1.1 200 ") < 2 or not got.endswith(b"}"):
                    more = s.recv(65536)
                    self.assertTrue(more, got)
                    got += more

    def test_counted(self):
        with self.dial() as s:
            s.sendall(self.head(10))
            s.settimeout(world.PATIENCE_S)
            self.assertTrue(s.recv(65536).startswith(b"HTTP/1.1 408 "))
        text = self.world.request("GET", "/metrics").body.decode()
        self.assertRegex(text, r'arpf_refused_total\{outcome="REQUEST_TIMEOUT"\} [1-9]')

    def test_many_at_once(self):
        """They take nobody's place for longer, and leave nothing behind."""
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(self.dial()) for _ in range(100)]
            for number, s in enumerate(sockets):
                s.sendall((self.head(4000) + b"{" * number) if number % 2 else GET[:number])
            for number, s in enumerate(sockets[1:], 1):
                s.settimeout(world.PATIENCE_S)
                got = s.recv(65536)
                self.assertEqual(number % 2, got.startswith(b"HTTP/1.1 408 "), got)
        with self.dial() as s:
            self.ask(s)


class Plain(Slow, world.WorldCase):
    def dial(self):
        return socket.create_connection(("127.0.0.1", self.world.port), timeout=world.PATIENCE_S)


class Tls(Slow, world.WorldCase):
    @classmethod
    def setUpClass(cls):
        cls.world = tls_world.TlsWorld("slow", cls.settings)
        cls.addClassCleanup(cls.world.end)

    def dial(self):
        return self.world.context("service-provider").wrap_socket(self.world.dial(), server_hostname="127.0.0.1")

    def test_half_a_record(self):
        """What comes is no byte of a request, but a record's that is never whole."""
        with self.world.dial() as s, \
                self.world.context("service-provider").wrap_socket(s, server_hostname="127.0.0.1") as t:
            self.ask(t)
            raw = socket.socket(fileno=t.detach())
            with raw:
                raw.sendall(b"\x17\x03\x03\x40\x00")
                self.assertEqual(b"", self.trickle(raw, b"\0")[0])


    def test_head_with_the_handshake(self):
        """Its first bytes are read together with what was before them."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        t = self.world.context("service-provider").wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with self.world.dial() as s:
            s.settimeout(world.PATIENCE_S)
            while not self.is_shaken(t):
                s.sendall(outgoing.read())
                incoming.write(s.recv(65536))
            t.write(GET[:10])
            s.sendall(outgoing.read())
            while s.recv(65536):
                pass

    @staticmethod
    def is_shaken(t):
        try:
            t.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True


if __name__ == "__main__":
    world.main()
