#!/usr/bin/python3
"""Sections 1 and 12: who is let in, and where to. One server over mutual TLS."""
import contextlib
import json
import socket
import ssl
import time
import warnings

import tls_world
import world

CERTIFICATE = "/narpf-ek/v1/certificate"
OLD = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)


class Roles(tls_world.TlsCase):
    def test_table_is_that_of_section_12(self):
        routes = self.world.routes()
        self.assertGreater(len(routes), 40)
        for method, path, roles in routes:
            self.assertEqual(tls_world.roles_of(method, path), roles, (method, path))

    def test_every_route_by_every_role(self):
        for role in tls_world.ROLES:
            context = self.world.context(role)
            connection = self.world.connection(context=context)
            reached = 0
            for method, path, roles in self.world.routes():
                answer = self.ask(method, path, connection)
                if role in roles:
                    self.assert_let_in(answer)
                    reached += 1
                else:
                    self.assert_problem(answer, 403, "ROLE_NOT_PERMITTED")
            self.assertGreater(reached, 0, role)
            connection.close()

    def test_nobody_without_a_certificate(self):
        for method, path, _ in self.world.routes() + [("GET", "/nothing", set()), ("PATCH", CERTIFICATE, set())]:
            answer = self.world.request(method, path, None if method == "GET" else {}, caller=None)
            self.assert_problem(answer, 401, "UNAUTHENTICATED")
            self.assertNotIn("Allow", answer.headers)

    def everywhere(self, caller, status, cause):
        for method, path in (("GET", CERTIFICATE), ("GET", "/admin/v1/status"), ("GET", "/metrics"),
                             ("GET", "/nothing"), ("PATCH", CERTIFICATE), ("POST", "/admin/v1/trust-anchors")):
            answer = self.world.request(method, path, None if method == "GET" else {}, caller=caller)
            self.assert_problem(answer, status, cause)

    def test_another_ca(self):
        stranger = tls_world.make_authority("openarpf TLS CA")
        self.everywhere(tls_world.Identity(stranger, ["admin"]), 401, "UNAUTHENTICATED")
        self.everywhere(tls_world.Identity(None, ["admin"]), 401, "UNAUTHENTICATED")

    def test_expired_and_not_yet_valid(self):
        self.everywhere(tls_world.Identity(self.ca, ["admin"], days=(-3, -1)), 401, "UNAUTHENTICATED")
        self.everywhere(tls_world.Identity(self.ca, ["admin"], days=(1, 3)), 401, "UNAUTHENTICATED")

    def test_wrong_purpose(self):
        self.everywhere(tls_world.Identity(self.ca, ["admin"], usage="server"), 401, "UNAUTHENTICATED")
        answer = self.world.request("GET", "/admin/v1/status",
                                    caller=tls_world.Identity(self.ca, ["admin"], usage=None))
        self.assertEqual(200, answer.status, answer)

    def test_not_exactly_one_role(self):
        for ou in ([], ["admin", "auditor"], ["admin", "admin"], ["administrator"], ["ADMIN"], ["admin "], ["root"]):
            self.everywhere(tls_world.Identity(self.ca, ou), 403, "ROLE_NOT_PERMITTED")

    def test_ends_while_connected(self):
        caller = tls_world.Identity(self.ca, ["admin"], days=(-1, 15 / 86400))
        connection = self.world.connection(caller=caller)
        self.assertEqual(200, self.ask("GET", "/admin/v1/status", connection).status)
        time.sleep(max(0., caller.ends_in_s()) + 1.1)
        self.assert_problem(self.ask("GET", "/admin/v1/status", connection), 401, "UNAUTHENTICATED")
        connection.close()

    def test_intermediate(self):
        middle = tls_world.Identity(self.ca, cn="Middle CA", ca=True, usage=None)
        caller = tls_world.Identity(middle, ["auditor"])
        self.everywhere(caller, 401, "UNAUTHENTICATED")
        caller.pem += middle.pem
        self.assertEqual(200, self.world.request("GET", "/admin/v1/status", caller=caller).status)

    def test_actor_is_written_down(self):
        caller = tls_world.Identity(self.ca, ["admin"], cn="Ada\u00e9 \"x\"")
        anchor = self.world.path("anchor.pem")
        with open(anchor, "wb") as f:
            f.write(world.credentials.make_ci().pem)
        caller.write(self.world.path("a.pem"), self.world.path("a.key"))
        self.world.run("arpfctl", "--url", self.world.url, "--ca-file", self.world.tls("ca.pem"),
                       "--certificate-file", self.world.path("a.pem"), "--key-file", self.world.path("a.key"),
                       "trust", "add", "--use", "se", anchor)
        actors = self.world.sql("SELECT DISTINCT actor FROM audit_events")
        self.assertIn(["admin:Ada%C3%A9 %22x%22"], actors)


class Transport(tls_world.TlsCase):
    def shake(self, ciphers="ALL", versions=None):
        """(version, suite), or None where it is refused."""
        context = self.world.context("ausf")
        context.set_ciphers(ciphers + ":@SECLEVEL=0")
        if versions is not None:
            with warnings.catch_warnings():  # that they are old
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version, context.maximum_version = versions
        try:
            with self.world.dial() as s, context.wrap_socket(s, server_hostname="127.0.0.1") as t:
                t.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % CERTIFICATE.encode())
                self.assertTrue(t.recv(100).startswith(b"HTTP/1.1 200 "))
                return t.version(), t.cipher()[0]
        except (ssl.SSLError, ConnectionError):
            return None

    def test_versions(self):
        for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            self.assertIsNone(self.shake(versions=(old, old)))
        self.assertEqual("TLSv1.2", self.shake(versions=OLD)[0])
        self.assertEqual("TLSv1.3", self.shake()[0])

    def test_suites(self):
        for weak in ("AES128-SHA", "AES128-GCM-SHA256", "AES256-SHA256", "ECDHE-ECDSA-AES128-SHA",
                     "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256",
                     "ECDHE-ECDSA-NULL-SHA", "aNULL", "PSK-AES128-GCM-SHA256"):
            self.assertIsNone(self.shake(weak, OLD), weak)
        for good in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                     "ECDHE-ECDSA-CHACHA20-POLY1305"):
            self.assertEqual(("TLSv1.2", good), self.shake(good, OLD))

    def test_rsa_certificate(self):
        with self.changed_files():
            rsa = tls_world.Identity(self.ca, cn="rsa", key=tls_world.new_rsa_key(), usage="server",
                                     names=[tls_world.LOOPBACK])
            rsa.write(self.world.tls("server.pem"), self.world.tls("server.key"))
            self.world.reload()
            self.assertIsNone(self.shake("AES128-GCM-SHA256:AES128-SHA", OLD))
            self.assertEqual(("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
                             self.shake("ECDHE-RSA-AES128-GCM-SHA256", OLD))
            self.assertEqual("TLSv1.3", self.shake()[0])

    def test_resumed(self):
        """The caller of a resumed session is looked at like any other."""
        context = self.world.context("ausf")
        session, reused = None, []
        for _ in range(3):
            with self.world.dial() as s, \
                    context.wrap_socket(s, server_hostname="127.0.0.1", session=session) as t:
                t.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % CERTIFICATE.encode())
                self.assertTrue(t.recv(100).startswith(b"HTTP/1.1 200 "))
                session = t.session
                reused.append(t.session_reused)
        self.assertEqual([False, True, True], reused)

    def test_plain_http_gets_no_answer(self):
        for words in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 100, b"x" * 20000, b"\x16\x03\x01\x02\x00\x01",
                      b"\x80\x2e\x01\x00\x02", b"\x16\x03\x01\xff\xff" + b"y" * 70000):
            with self.world.dial(2) as s:
                try:
                    s.sendall(words)
                    s.shutdown(socket.SHUT_WR)
                    self.assertNotIn(b"HTTP", s.recv(4096))
                except OSError:
                    pass
        self.assertEqual(200, self.world.request("GET", CERTIFICATE).status)

    def test_bodies_small_and_large(self):
        with contextlib.closing(self.world.connection(caller="service-provider")) as c:
            contexts = "/nausf-initial-attach/v1/contexts"
            for size in (10, 16383, 16384, 16385, 60000):
                answer = self.world.request("POST", contexts, {"a": "x" * size}, connection=c)
                self.assert_problem(answer, 400, "MISSING_PARAMETER")
            answer = self.world.request("POST", contexts + "/batch", b'{"a": "%s"}' % (b"x" * (7 << 20)), connection=c)
            self.assertEqual(400, answer.status, answer)
            devices = [self.issuer.device(self.arpf) for _ in range(300)]
            answer = self.world.request("POST", contexts + "/batch", {"items": [
                {"seCredentials": d.credentials()} for d in devices]}, connection=c)
            self.assertEqual({201}, {r["status"] for r in answer.json["results"]})
        self.check_context(devices[7], answer.json["results"][7], self.arpf)
        with contextlib.closing(self.world.connection(caller="service-provider")) as c:
            answer = self.world.request("POST", contexts + "/batch", b'{"a": "%s"}' % (b"x" * (9 << 20)), connection=c)
            self.assert_problem(answer, 413, "PAYLOAD_TOO_LARGE")

    def test_pieces(self):
        """Records of one byte, and several requests in one record."""
        one = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % CERTIFICATE.encode()
        with self.world.dial() as s, \
                self.world.context("ausf").wrap_socket(s, server_hostname="127.0.0.1") as t:
            for i in range(len(one)):
                t.sendall(one[i:i + 1])
            t.sendall(one * 50)
            got = b""
            while got.count(b"HTTP/1.1 200 ") < 51:
                more = t.recv(65536)
                self.assertTrue(more)
                got += more

    def test_away_database(self):
        self.world.stop_postgres()
        try:
            answer = self.world.request("GET", "/nausf-initial-attach/v1/contexts/001990000000001")
            self.assert_problem(answer, 503, "DATABASE_UNAVAILABLE")
        finally:
            self.world.start_postgres()
        world.wait_until(lambda: self.world.request(
            "GET", "/nausf-initial-attach/v1/contexts/001990000000001").status == 404, 30, "the database is back")

    def hello(self):
        """A ClientHello, whole."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            self.world.context("ausf").wrap_bio(incoming, outgoing, server_hostname="127.0.0.1").do_handshake()
        except ssl.SSLWantReadError:
            return outgoing.read()

    def test_slow_handshakes_hinder_nobody(self):
        hello = self.hello()
        slow = []
        try:
            for words in (b"", hello[:3], hello[:100], hello):
                for _ in range(60):
                    s = self.world.dial()
                    slow.append(s)
                    s.sendall(words)
            time.sleep(0.5)
            busy = self.world.cpu_s()
            time.sleep(2)
            self.assertLess(self.world.cpu_s() - busy, 0.5, "the loop spins")
            device = self.issuer.device(self.arpf)
            self.assert_attached(device, self.world.attach(device))
            for s in slow:
                s.settimeout(world.PATIENCE_S)
                try:
                    while s.recv(65536):
                        pass
                except ConnectionError:
                    pass
        finally:
            for s in slow:
                s.close()

    def test_strangers_are_cut_off(self):
        """However slowly they go on, before their 401 and after it."""
        context = self.world.context(None)
        strangers = []
        try:
            began = time.monotonic()
            for words in (b"", b"GET / HTTP/1.1\r\nHost: ", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n"):
                strangers.append(context.wrap_socket(self.world.dial(), server_hostname="127.0.0.1"))
                strangers[-1].sendall(words)
            with contextlib.closing(self.world.connection(caller="ausf")) as known:
                known.connect()
                left = set(strangers[1:])
                while left and time.monotonic() < began + world.PATIENCE_S:
                    time.sleep(1)
                    for s in list(left):
                        try:
                            s.sendall(b"x")
                        except OSError:
                            left.discard(s)
                self.assertFalse(left)
                self.assertFalse(strangers[0].recv(100))
                self.assertEqual(200, self.ask("GET", CERTIFICATE, known).status)
        finally:
            for s in strangers:
                s.close()

    def test_long_handshake(self):
        """Gathered by nobody: what it says of its length is 16 MiB."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = self.world.context("ausf")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises(ssl.SSLWantReadError):
            context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1").do_handshake()
        with self.world.dial() as s:
            s.sendall(outgoing.read())
            self.assertTrue(s.recv(65536))
            record = b"\x16\x03\x03\x3f\x00"
            with self.assertRaises(ConnectionError):
                s.sendall(record + b"\x0b\xff\xff\xff" + b"x" * 16124 + (record + b"x" * 16128) * 1000)
        self.assertEqual(200, self.world.request("GET", CERTIFICATE).status)

    def test_keys_of_callers(self):
        """RSA like everybody's is let in, one that keeps a processor busy is not looked at."""
        for versions in (OLD, None):
            for key, good in ((tls_world.new_rsa_key(), True), (tls_world.new_costly_key(), False)):
                context = self.world.context(tls_world.Identity(self.ca, ["ausf"], key=key))
                if versions:
                    context.maximum_version = versions[1]
                with contextlib.closing(self.world.connection(context=context)) as c:
                    if good:
                        self.assertEqual(200, self.ask("GET", CERTIFICATE, c).status)
                    else:
                        with self.assertRaises(OSError):
                            self.ask("GET", CERTIFICATE, c)

    def test_many_handshakes_at_once(self):
        context = self.world.context("ausf")
        sockets = []
        for _ in range(100):
            s = context.wrap_socket(self.world.dial(), server_hostname="127.0.0.1",
                                    do_handshake_on_connect=False)
            s.setblocking(False)
            sockets.append(s)
        left, end = set(sockets), time.monotonic() + world.PATIENCE_S
        while left and time.monotonic() < end:
            for s in list(left):
                try:
                    s.do_handshake()
                    left.discard(s)
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    pass
        self.assertFalse(left)
        for s in sockets:
            s.setblocking(True)
            s.settimeout(world.PATIENCE_S)
            s.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % CERTIFICATE.encode())
        for s in sockets:
            self.assertTrue(s.recv(100).startswith(b"HTTP/1.1 200 "))
            s.close()


if __name__ == "__main__":
    world.main()
