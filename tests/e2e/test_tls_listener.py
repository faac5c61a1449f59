#!/usr/bin/python3
"""The TLS listener: its files and their reload, the addresses it takes, and the commands that speak to it."""
import calendar
import contextlib
import json
import socket
import ssl
import subprocess
import time

import tls_world
import world
from cryptography import x509

CERTIFICATE = "/narpf-ek/v1/certificate"


class Reload(tls_world.TlsCase):
    def shown(self):
        """The serial number of the certificate that a new connection is shown."""
        with self.world.dial() as s, \
                self.world.context("ausf").wrap_socket(s, server_hostname="127.0.0.1") as t:
            return x509.load_der_x509_certificate(t.getpeercert(True)).serial_number

    def new_server(self, cn="renewed"):
        return tls_world.Identity(self.ca, cn=cn, usage="server",
                                  names=[tls_world.LOOPBACK])

    def test_new_server_certificate(self):
        connection = self.world.connection(caller="ausf")
        self.assertEqual(200, self.ask("GET", CERTIFICATE, connection).status)
        before = self.shown()
        socket_before = connection.sock
        with self.changed_files():
            fresh = self.new_server()
            fresh.write(self.world.tls("server.pem"), self.world.tls("server.key"))
            self.assertEqual(before, self.shown())
            self.world.reload()
            self.assertEqual(fresh.certificate.serial_number, self.shown())
            for _ in range(3):
                self.assertEqual(200, self.ask("GET", CERTIFICATE, connection).status)
        self.assertIs(socket_before, connection.sock)
        self.assertEqual(before, self.shown())
        connection.close()

    def test_gauge(self):
        with open(self.world.tls("server.pem"), "rb") as f:
            end = x509.load_pem_x509_certificate(f.read()).not_valid_after
        said = "\narpf_tls_certificate_expires_at_seconds %d\n" % calendar.timegm(end.timetuple())
        world.wait_until(lambda: said in self.world.request("GET", "/metrics").body.decode(), 90, "the gauge is there")

    def test_unusable_files_leave_the_old(self):
        before = self.shown()
        fresh = self.new_server()
        for name, content in (("server.key", fresh.key_pem), ("server.pem", fresh.pem), ("server.pem", b""),
                              ("server.key", b"nonsense"), ("ca.pem", b""), ("ca.pem", b"nonsense")):
            with self.changed_files():
                with open(self.world.tls(name), "wb") as f:
                    f.write(content)
                self.world.reload()
                said = [line for line in self.world.log().splitlines() if "event=tls_files_" in line][-1]
                self.assertIn("event=tls_files_unusable in_force=old", said)
                self.assertEqual(200, self.ask_as_before(), (name, content[:20]))
        self.assertEqual(before, self.shown())

    def ask_as_before(self):
        context = ssl.create_default_context(cadata=self.ca.pem.decode())
        context.load_cert_chain(self.world.tls("ausf.pem"), self.world.tls("ausf.key"))
        with contextlib.closing(self.world.connection(context=context)) as c:
            return self.ask("GET", CERTIFICATE, c).status

    def test_new_client_ca(self):
        other = tls_world.make_authority("Other CA")
        caller = tls_world.Identity(other, ["ausf"])
        context = self.world.context("ausf")
        context_of_caller = self.world.context(caller)
        connection = self.world.connection(context=context)
        self.assertEqual(200, self.ask("GET", CERTIFICATE, connection).status)
        self.assert_problem(self.world.request("GET", CERTIFICATE, caller=caller), 401, "UNAUTHENTICATED")
        with self.changed_files():
            self.append("ca.pem", other.pem)
            self.world.reload()
            fresh = self.world.connection(context=context_of_caller)
            self.assertEqual(200, self.ask("GET", CERTIFICATE, fresh).status)
            self.assertEqual(200, self.ask("GET", CERTIFICATE, connection).status)
            with open(self.world.tls("ca.pem"), "wb") as f:
                f.write(other.pem)
            self.world.reload()
            # those who are connected already are looked at again
            self.assert_problem(self.ask("GET", CERTIFICATE, connection), 401, "UNAUTHENTICATED")
            self.assertEqual(200, self.ask("GET", CERTIFICATE, fresh).status)
        self.assert_problem(self.ask("GET", CERTIFICATE, fresh), 401, "UNAUTHENTICATED")
        self.assertEqual(200, self.world.request("GET", CERTIFICATE).status)

    def test_revoked(self):
        caller = tls_world.Identity(self.ca, ["ausf"])
        connection = self.world.connection(caller=caller)
        self.assertEqual(200, self.ask("GET", CERTIFICATE, connection).status)
        with self.changed_files():
            self.append("ca.pem", self.ca.revoke(caller.certificate))
            self.world.reload()
            self.assert_problem(self.ask("GET", CERTIFICATE, connection), 401, "UNAUTHENTICATED")
            self.assertEqual(200, self.world.request("GET", CERTIFICATE).status)

    def test_crl_ends_while_connected(self):
        connection = self.world.connection(caller="ausf")
        with self.changed_files():
            self.append("ca.pem", self.ca.revoke(tls_world.Identity(self.ca).certificate, 15))
            end = time.monotonic() + 15
            self.world.reload()
            self.assertEqual(200, self.ask("GET", CERTIFICATE, connection).status)
            time.sleep(max(0., end - time.monotonic()) + 2)
            self.assert_problem(self.ask("GET", CERTIFICATE, connection), 401, "UNAUTHENTICATED")

    def test_revoked_within_a_request(self):
        """Its head came before, the rest of its body after."""
        caller = tls_world.Identity(self.ca, ["admin"])
        body = json.dumps({"plmn": "00101", "first": 9000000000, "last": 9000000001}).encode()
        with self.world.dial() as s, self.world.context(caller).wrap_socket(s, server_hostname="127.0.0.1") as t, \
                self.changed_files():
            t.sendall(b"POST /admin/v1/imsi-pools HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      b"Content-Length: %d\r\n\r\n" % len(body) + body[:10])
            time.sleep(0.5)
            self.append("ca.pem", self.ca.revoke(caller.certificate))
            self.world.reload()
            t.sendall(body[10:])
            self.assertTrue(t.recv(4096).startswith(b"HTTP/1.1 401 "))
        self.assertNotIn("9000000000", self.world.request("GET", "/admin/v1/imsi-pools").body.decode())


class Listener(tls_world.TlsCase):
    def arpfd(self, **settings):
        """Another arpfd of this world, on a configuration of its own; None where it does not start."""
        path = self.world.path("other.conf")
        with open(self.world.path("arpf.conf")) as f:
            text = f.read()
        for name, value in {"admin_socket": "", **settings}.items():
            lines = [line for line in text.splitlines() if not line.startswith(name + " =")]
            section = {"certificate_file": "tls", "key_file": "tls", "d_ausf_uri": "network"}.get(name, "server")
            lines.insert(lines.index("[%s]" % section) + 1, "%s = %s" % (name, value))
            text = "\n".join(lines) + "\n"
        with open(path, "w") as f:
            f.write(text)
        return path

    def refused(self, words, **settings):
        done = self.world.run("arpfd", "--config", self.arpfd(**settings), check=False)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn(words, done.stderr)

    def test_other_addresses_only_with_tls(self):
        for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:80"):
            self.refused("loopback only", listen=address, certificate_file="")

    def test_unusable_files_at_start(self):
        self.refused("tls_files_unusable", listen="127.0.0.1:0", key_file=self.world.tls("admin.key"),
                     certificate_file=self.world.tls("server.pem"))
        self.refused("tls_files_unusable", listen="127.0.0.1:0", certificate_file=self.world.path("nothing.pem"))

    def test_d_ausf_in_clear(self):
        self.refused("d_ausf_uri", d_ausf_uri="http://d-ausf.example")
        self.refused("d_ausf_uri", d_ausf_uri="http://127.0.0.1.example.org")
        self.refused("d_ausf_uri", d_ausf_uri="d-ausf.example")
        for good in ("https://d-ausf.example", "http://127.0.0.1:8480"):
            done = self.world.run("arpfd", "--check", "--config", self.arpfd(d_ausf_uri=good), check=False)
            self.assertEqual(0, done.returncode, done.stderr)

    def test_any_address_with_tls(self):
        for listen, address in (("0.0.0.0", "127.0.0.1"), ("[::]", "::1")):
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
                s.bind((address, 0))
                port = s.getsockname()[1]
            path = self.arpfd(listen="%s:%d" % (listen, port))
            server = subprocess.Popen([self.world.program("arpfd"), "--config", path],
                                      env=self.world.environment, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                world.wait_until(lambda: self.answers(address, port), 60, "it answers at " + address)
            finally:
                server.terminate()
                self.assertEqual(0, server.wait(60))

    def answers(self, address, port):
        try:
            with self.world.dial(address=address, port=port) as s, \
                    self.world.context("ausf").wrap_socket(s, server_hostname=address) as t:
                t.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % CERTIFICATE.encode())
                return t.recv(100).startswith(b"HTTP/1.1 200 ")
        except ConnectionError:
            return False


class Clients(tls_world.TlsCase):
    """The commands by what the environment file says, and without."""

    def test_arpfctl(self):
        status = json.loads(self.world.run("arpfctl", "--url", self.world.url, "status", "--json").stdout)
        self.assertTrue(status["hsm"]["ready"])
        for name, cause in (("metrics", "ROLE_NOT_PERMITTED"), ("auditor", None)):
            done = self.world.run("arpfctl", "--url", self.world.url, "--certificate-file",
                                  self.world.tls(name + ".pem"), "--key-file", self.world.tls(name + ".key"),
                                  "status", check=False)
            self.assertEqual(0 if cause is None else 1, done.returncode, done.stderr)
            self.assertIn(cause or "", done.stderr)
        done = self.world.run("arpfctl", "--url", self.world.url, "--ca-file", self.world.path("ca/ca.pem"),
                              "status", check=False)
        self.assertIn("SERVER_NOT_REACHABLE", done.stderr)

    def test_arpfload(self):
        fleet = self.world.path("fleet")
        self.world.run("arpfload", "fleet", "create", "--procedure", "initial-attach", "--devices", "50", "--out", fleet)
        self.world.run("arpfload", "run", "--procedure", "first-auth", "--fleet", fleet)
        done = self.world.run("arpfload", "walk", "--procedure", "initial-attach",
                              "--certificate-file", self.world.tls("metrics.pem"),
                              "--key-file", self.world.tls("metrics.key"), check=False)
        self.assertNotEqual(0, done.returncode)
        self.assertIn("ROLE_NOT_PERMITTED", done.stderr + done.stdout)


if __name__ == "__main__":
    world.main()
