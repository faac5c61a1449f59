#!/usr/bin/python3
"""Section 1 over the wire: bodies, methods, media types, limits, connections, heads."""
import contextlib
import json
import socket
import threading
import time

import world

CONTEXTS = "/nausf-initial-attach/v1/contexts"
REQUEST = "/narpf-ek/v1/ek-requests"


class Bodies(world.WorldCase):
    def post(self, body, path=CONTEXTS, **headers):
        return self.world.request("POST", path, body, headers)

    def test_not_json(self):
        for body in (b"", b"{", b"nonsense", b'{"seCredentials": }', b"{} {}", b"\xff\xfe{}", b"\0",
                     b'{"seCredentials": {}', b"{'seCredentials': 1}", b'{"a": 01}', b'{"a": NaN}',
                     b'{"a": "\xc3\x28"}', b'{"a": "\\ud800"}', b'{"a": "\1"}', b"[1,]"):
            self.assert_problem(self.post(body), 400, "MALFORMED_REQUEST")

    def test_not_an_object(self):
        for body in (b"[]", b"1", b"null", b'"text"', b"true"):
            answer = self.post(body)
            self.assertIn(self.cause_of(answer), ("MALFORMED_REQUEST", "INVALID_PARAMETER"), answer)
            self.assert_problem(answer, 400, self.cause_of(answer))

    def test_deep_nesting(self):
        for depth in (100, 2000, 20000):
            for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
                body = b'{"seCredentials": ' + opening * depth + b"1" + closing * depth + b"}"
                answer = self.post(body[:65000])
                self.assertEqual(400, answer.status, answer)
        self.assert_problem(self.post(b"[" * 60000), 400, "MALFORMED_REQUEST")

    def test_duplicate_members(self):
        device = self.issuer.device(self.arpf)
        inner = json.dumps(device.credentials())
        for body in ('{"seCredentials": %s, "seCredentials": %s}' % (inner, inner),
                     '{"seCredentials": %s, "x": 1, "x": 1}' % inner,
                     '{"seCredentials": %s}' % inner.replace("{", '{"atk": "", ')):
            self.assert_problem(self.post(body.encode()), 400, "MALFORMED_REQUEST")
        self.assert_problem(self.world.authenticate(device.dimsi), 404, "DIMSI_NOT_FOUND")

    def test_missing_members(self):
        device = self.issuer.device(self.arpf)
        self.assert_problem(self.post({}), 400, "MISSING_PARAMETER", "seCredentials")
        for name in ("atk", "certSe", "certPn", "certCi"):
            left = {"seCredentials": device.credentials(**{name: None})}
            self.assert_problem(self.post(left), 400, "MISSING_PARAMETER", name)
        self.assert_problem(self.post({"seCredentials": device.credentials()}, REQUEST), 400,
                            "MISSING_PARAMETER", "recipientPublicKey")

    def test_wrong_types(self):
        device = self.issuer.device(self.arpf)
        for wrong in (5, True, [], "text", 1.5):
            self.assert_problem(self.post({"seCredentials": wrong}), 400, "INVALID_PARAMETER",
                                "seCredentials")
        for name in ("atk", "certSe", "certPn", "certCi"):
            for wrong in (5, True, [], {}, "not base64!", "QUJD\n", "QUJDRA", "QUJDRA=", "QUJDR===",
                          "QUJ-", " QUJD", "QUJDRB=="):
                answer = self.post({"seCredentials": {**device.credentials(), name: wrong}})
                self.assert_problem(answer, 400, "INVALID_PARAMETER", name)

    def test_null_is_as_good_as_absent(self):
        device = self.issuer.device(self.arpf)
        answer = self.post({"seCredentials": {**device.credentials(), "atk": None}})
        self.assertEqual(400, answer.status, answer)

    def test_too_large(self):
        self.assert_problem(self.post(b'{"a": "' + b"x" * 65536 + b'"}'), 413, "PAYLOAD_TOO_LARGE")
        big = b'{"items": ["' + b"x" * (8 << 20) + b'"]}'
        answer = self.post(big, CONTEXTS + "/batch")
        self.assert_problem(answer, 413, "PAYLOAD_TOO_LARGE")
        self.assertNotEqual(413, self.post(b'{"a": "' + b"x" * 60000 + b'"}').status)
        self.assertNotEqual(413, self.post(big[:7 << 20], CONTEXTS + "/batch").status)

    def test_a_large_body_announced_only(self):
        with socket.create_connection(("127.0.0.1", self.world.port), timeout=world.PATIENCE_S) as s:
            s.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      b"Content-Length: 99999999999\r\n\r\n{" % CONTEXTS.encode())
            self.assertIn(b" 413 ", s.recv(4096).split(b"\r\n")[0] + b" ")

    def test_media_types(self):
        body = b"{}"
        for media in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "json", ""):
            self.assert_problem(self.post(body, **{"Content-Type": media}), 415, "UNSUPPORTED_MEDIA_TYPE")
        for media in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
            self.assert_problem(self.post(body, **{"Content-Type": media}), 400, "MISSING_PARAMETER")

    def test_arpf_uri_that_is_not_allowed(self):
        device = self.issuer.device(self.arpf)
        for uri in ("https://example.org", "http://127.0.0.1.example.org:80", "ftp://127.0.0.1:1",
                    "http://127.0.0.1@example.org:1", "nonsense", "", "http://127.0.0.1:x", 5,
                    "http://127.0.0.1:1 .example.org", "file:///etc/passwd", "http://localhost:1"):
            answer = self.world.attach(device, arpfUri=uri)
            self.assert_problem(answer, 400, "INVALID_PARAMETER", "arpfUri")
        self.assert_problem(self.world.attach(device, arpfUri="http://127.0.0.1:1"), 502, "PEER_FAILED")
        self.assert_problem(self.world.authenticate(device.dimsi), 404, "DIMSI_NOT_FOUND")


class Routes(world.WorldCase):
    def test_methods(self):
        d = "/001990000000001"
        for path, allowed in (
                ("/narpf-ek/v1/certificate", {"GET"}),
                (REQUEST, {"POST"}), (CONTEXTS, {"POST"}), (CONTEXTS + "/batch", {"POST"}),
                (CONTEXTS + d, {"GET", "DELETE"}), ("/ndausf-auth/v1" + d, {"PUT", "DELETE"}),
                ("/ndausf-auth/v1" + d + "/security-information/generate-auth-data", {"POST"})):
            said = {m.strip() for m in self.world.request("PATCH", path, {}).headers["Allow"].split(",")}
            self.assertLessEqual(allowed, said)
            for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - said:
                answer = self.world.request(method, path, {} if method in ("POST", "PUT", "PATCH") else None)
                self.assert_problem(answer, 405, "METHOD_NOT_ALLOWED")
                self.assertEqual(said, {m.strip() for m in answer.headers["Allow"].split(",")})

    def test_bodies_that_mean_nothing(self):
        answer = self.world.request("GET", "/narpf-ek/v1/certificate", {"ignored": True})
        self.assertEqual(200, answer.status, answer)
        answer = self.world.request("DELETE", CONTEXTS + "/001990000000002", {"ignored": True})
        self.assert_problem(answer, 404, "DIMSI_NOT_FOUND")

    def test_no_such_route(self):
        for path in ("/", "/nausf-initial-attach", "/nausf-initial-attach/v1/contextsx", "/narpf-ek/v2/certificate",
                     CONTEXTS + "/001990000000001/x", "/%2e%2e/etc/passwd", "//narpf-ek/v1/certificate",
                     "/x" * 500):
            self.assert_problem(self.world.request("GET", path), 404, "RESOURCE_NOT_FOUND")

    def test_request_id(self):
        answer = self.world.request("GET", "/narpf-ek/v1/certificate", headers={"X-Request-Id": "abc-123"})
        self.assertEqual("abc-123", answer.headers["X-Request-Id"])
        refused = self.world.request("GET", "/nowhere", headers={"X-Request-Id": "abc-124"})
        self.assertEqual("abc-124", refused.headers["X-Request-Id"])
        made = {self.world.request("GET", "/narpf-ek/v1/certificate").headers["X-Request-Id"]
                for _ in range(5)}
        self.assertEqual(5, len(made))
        self.assertTrue(all(made))

    def test_a_request_id_to_break_lines_with(self):
        for bad in ("x" * 5000, 'a"b=c d', "\t"):
            answer = self.world.request("GET", "/narpf-ek/v1/certificate", headers={"X-Request-Id": bad})
            self.assertIn(answer.status, (200, 400, 431), answer)
            self.assertLess(len(answer.headers.get("X-Request-Id", "")), 1000)


class Connections(world.WorldCase):
    GET = b"GET /narpf-ek/v1/certificate HTTP/1.1\r\nHost: x\r\n\r\n"

    def dial(self):
        return socket.create_connection(("127.0.0.1", self.world.port), timeout=world.PATIENCE_S)

    def test_kept_alive(self):
        c = self.world.connection()
        c.connect()
        own = c.sock.getsockname()
        for i in range(50):
            device = self.issuer.device(self.arpf)
            answer = self.world.request("POST", CONTEXTS, {"seCredentials": device.credentials()}, connection=c)
            self.assertEqual(201, answer.status, answer)
            self.assert_problem(self.world.request("GET", "/nowhere", connection=c), 404, "RESOURCE_NOT_FOUND")
            self.assertEqual(own, c.sock.getsockname(), "request %d came over a new connection" % i)

    def test_pipelined(self):
        with self.dial() as s:
            s.sendall(self.GET * 20)
            got = b""
            while got.count(b"HTTP/1.1 200") < 20 or not got.endswith(b"}"):
                piece = s.recv(65536)
                self.assertTrue(piece, got[-200:])
                got += piece
        self.assertEqual(20, got.count(b"HTTP/1.1 200"))

    def test_pipelined_attaches(self):
        devices = [self.issuer.device(self.arpf) for _ in range(10)]
        wire = b""
        for device in devices:
            body = json.dumps({"seCredentials": device.credentials()}).encode()
            wire += (b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n%s" % (CONTEXTS.encode(), len(body), body))
        with self.dial() as s:
            s.sendall(wire)
            got = b""
            while got.count(b"HTTP/1.1 201") < 10:
                piece = s.recv(65536)
                self.assertTrue(piece, got[-200:])
                got += piece
        order = [got.find(b'"%s"' % d.dimsi.encode()) for d in devices]
        self.assertNotIn(-1, order[:-1])
        self.assertEqual(sorted(order[:-1]), order[:-1])

    def test_bytewise(self):
        device = self.issuer.device(self.arpf)
        body = json.dumps({"seCredentials": device.credentials()}).encode()
        wire = (b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (CONTEXTS.encode(), len(body), body))
        with self.dial() as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(0, len(wire), 1 if len(wire) < 300 else 7):
                s.sendall(wire[i:i + 7])
                if i % 70 == 0:
                    time.sleep(0.001)
            self.assertIn(b" 201 ", s.recv(65536).split(b"\r\n")[0])

    def test_chunked(self):
        device = self.issuer.device(self.arpf)
        body = json.dumps({"seCredentials": device.credentials()}).encode()
        with self.dial() as s:
            s.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n" % CONTEXTS.encode())
            for i in range(0, len(body), 500):
                s.sendall(b"%x\r\n%s\r\n" % (len(body[i:i + 500]), body[i:i + 500]))
            s.sendall(b"0\r\n\r\n")
            self.assertIn(b" 201 ", s.recv(65536).split(b"\r\n")[0])

    def test_endless_chunks(self):
        with self.dial() as s:
            s.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n" % CONTEXTS.encode())
            try:
                for _ in range(200):
                    s.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                s.sendall(b"0\r\n\r\n")
            except OSError:
                pass
            try:
                self.assertIn(b" 413 ", s.recv(65536).split(b"\r\n")[0] + b" ")
            except ConnectionError:
                pass  # closed on us while we were talking
        self.assertEqual(200, self.world.request("GET", "/narpf-ek/v1/certificate").status)

    def test_gone_before_the_answer(self):
        devices = [self.issuer.device(self.arpf) for _ in range(30)]
        for device in devices:
            body = json.dumps({"seCredentials": device.credentials()}).encode()
            s = self.dial()
            s.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      b"Content-Length: %d\r\n\r\n%s" % (CONTEXTS.encode(), len(body), body))
            s.close()
        for device in devices:
            answer = self.world.attach(device)
            self.assertIn(answer.status, (200, 201), answer)
            self.assert_attached(device, answer, answer.status)

    def test_slow_clients_hinder_nobody(self):
        slow = [self.dial() for _ in range(200)]
        try:
            for s in slow:
                s.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Le" % CONTEXTS.encode())
            began = time.monotonic()
            device = self.issuer.device(self.arpf)
            self.assert_attached(device, self.world.attach(device))
            self.assertLess(time.monotonic() - began, 45)  # these are given a minute
        finally:
            for s in slow:
                s.close()

    def test_many_at_once(self):
        devices = [self.issuer.device(self.arpf) for _ in range(64)]
        answers = {}
        threads = [threading.Thread(target=lambda d=d: answers.__setitem__(d, self.world.attach(d)))
                   for d in devices]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for device in devices:
            self.assert_attached(device, answers[device])
        self.assertEqual(64, len({answers[d].json["supi"] for d in devices}))

    def test_not_http(self):
        for noise in (b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\0" * 100, b"x" * 20000):
            with self.dial() as s:
                s.settimeout(1)
                try:
                    s.sendall(noise)
                    s.shutdown(socket.SHUT_WR)
                    s.recv(4096)
                except OSError:
                    pass
        self.assertEqual(200, self.world.request("GET", "/narpf-ek/v1/certificate").status)


class Heads(world.WorldCase):
    """What a proxy could read otherwise than the server does (RFC 9112 sections 3.2, 5.1, 6 and 11.2)."""
    GET = b"GET /narpf-ek/v1/certificate HTTP/1.1\r\nHost: x\r\n\r\n"

    def talk(self, wire):
        """All that is said until the other side closes."""
        got = b""
        with socket.create_connection(("127.0.0.1", self.world.port), timeout=world.PATIENCE_S) as s:
            s.sendall(wire)
            with contextlib.suppress(ConnectionError):
                while more := s.recv(65536):
                    got += more
        return got

    def post(self, fields, body, version=b"1.1"):
        return (b"POST %s HTTP/%s\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n%s"
                % (CONTEXTS.encode(), version, b"".join(f + b"\r\n" for f in fields), body))

    def body(self):
        device = self.issuer.device(self.arpf)
        return device, json.dumps({"seCredentials": device.credentials()}).encode()

    def assert_last(self, wire, device=None):
        """It is refused, what follows it is not read, and nothing has come of it."""
        got = self.talk(wire + self.GET)
        self.assertEqual(1, got.count(b"HTTP/1.1 "), (wire, got))
        head, body = got.split(b"\r\n\r\n", 1)
        self.assertTrue(head.startswith(b"HTTP/1.1 400 "), (wire, got))
        self.assertIn(b"\r\nConnection: close", head)
        self.assertIn(b"\r\nContent-Type: application/problem+json", head)
        self.assertEqual("MALFORMED_REQUEST", json.loads(body)["cause"])
        if device is not None:
            self.assert_problem(self.world.authenticate(device.dimsi), 404, "DIMSI_NOT_FOUND")

    def test_two_lengths(self):
        for others in ((0,), (1,), (1, 2), (60000,), ("x",)):
            device, body = self.body()
            fields = [b"Content-Length: %d" % len(body)] + [b"Content-Length: %s" % str(o).encode() for o in others]
            self.assert_last(self.post(fields, body), device)

    def test_one_length_twice(self):
        device, body = self.body()
        fields = [b"Content-Length: %d" % len(body)] * 2 + [b"Connection: close"]
        self.assertTrue(self.talk(self.post(fields, body)).startswith(b"HTTP/1.1 201 "))

    def test_length_and_coding(self):
        """The chunks would count, but not for everybody."""
        for stated in (0, 1, 100, 65536):
            device, body = self.body()
            fields = [b"Content-Length: %d" % stated, b"Transfer-Encoding: chunked"]
            for order in (fields, fields[::-1]):
                self.assert_last(self.post(order, b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)), device)

    def test_other_codings(self):
        """The last of these has no end but the connection's."""
        for codings in ((b"gzip, chunked",), (b"chunked", b"chunked"), (b"chunked", b"identity"),
                        (b"identity", b"chunked"), (b"chunked, gzip",), (b"",), (b"gzip",)):
            device, body = self.body()
            fields = [b"Transfer-Encoding: " + c for c in codings]
            self.assert_last(self.post(fields, b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)), device)

    def test_chunks_of_an_old_version(self):
        device, body = self.body()
        self.assert_last(self.post([b"Transfer-Encoding: chunked"],
                                   b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), b"1.0"), device)

    def test_names_with_blanks_and_lines_in_lines(self):
        device, body = self.body()
        for fields in ([b"Content-Length : %d" % len(body)], [b"Content-Length\t: %d" % len(body)],
                       [b"Content-Length: %d" % len(body), b"Transfer-Encoding : chunked"],
                       [b"X: y\rTransfer-Encoding: chunked", b"Content-Length: %d" % len(body)]):
            self.assert_last(self.post(fields, body), device)

    def test_expecting(self):
        """Nobody is told to go on."""
        self.assert_last(self.post([b"Expect: 100-continue", b"Content-Length: 2", b"Content-Length: 3"], b""))

    def test_host(self):
        for hosts in (b"", b"Host: x\r\nHost: x\r\n", b"Host: x\r\nHost: y\r\n"):
            self.assert_last(self.GET.replace(b"Host: x\r\n", hosts))
        self.assert_last(self.GET.replace(b"1.1\r\n", b"1.0\r\nHost: y\r\n"))
        got = self.talk(self.GET.replace(b"1.1\r\nHost: x\r\n", b"1.0\r\n"))
        self.assertRegex(got, b"^HTTP/1.[01] 200 ")
        self.assertEqual(1, got.count(b"HTTP/1."))

    def test_before_the_route(self):
        """Of what is there, and who may go there, it depends on nothing."""
        for path in (b"/nowhere", b"/metrics", b"*"):
            self.assert_last(b"PATCH %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n" % path)

    def test_absolute_targets(self):
        for before, status in ((b"http://x", 200), (b"HTTPS://x:1", 200), (b"http://" + b"x" * 250, 200),
                               (b"http:/", 404), (b"ftp://x", 404), (b"x", 404), (b"http://x/", 404)):
            got = self.talk(self.GET.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n")
                            .replace(b"GET ", b"GET " + before))
            self.assertTrue(got.startswith(b"HTTP/1.1 %d " % status), (before, got))
        for target in (b"http://x", b"http://x?/narpf-ek/v1/certificate", b"http://", b"https://"):
            got = self.talk(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target)
            self.assertTrue(got.startswith(b"HTTP/1.1 404 "), (target, got))
        device, body = self.body()
        got = self.talk(self.post([b"Content-Length: %d" % len(body), b"Connection: close"], body)
                        .replace(b"POST /", b"POST http://x/"))
        self.assertTrue(got.startswith(b"HTTP/1.1 201 "), got)


if __name__ == "__main__":
    world.main()
