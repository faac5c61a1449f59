"""FreeRADIUS with the site of deploy/freeradius on a port of its own, and eapol_test as the device before it."""
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

import euicc
import world

SITE = os.path.join(world.TOP, "deploy", "freeradius")
DEBIAN = "/etc/freeradius/3.0"
SECRET = "a test's secret"
# RFC 2865, 2869, 4849
ACCESS_ACCEPT, ACCESS_REJECT = 2, 3
USER_NAME, FILTER_ID, CLASS, SESSION_TIMEOUT, FRAMED_POOL, NAS_FILTER_RULE = 1, 11, 25, 27, 88, 92


def missing():
    """What of this machine's is not there, or None."""
    for program in ("freeradius", "eapol_test"):
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin") is None:
            return program + " is not installed"
    if not os.path.exists("/usr/lib/freeradius/rlm_rest.so"):
        return "freeradius-rest is not installed"
    if not os.access(os.path.join(DEBIAN, "radiusd.conf"), os.R_OK):
        return "FreeRADIUS's configuration may not be read by this user"
    return None


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def write(path, data, mode=0o644):
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    os.chmod(path, mode)


def edit(path, changes):
    """changes: (pattern, replacement) pairs; each must fit a line."""
    with open(path) as f:
        text = f.read()
    for pattern, replacement in changes:
        text, count = re.subn(pattern, lambda _: replacement, text, flags=re.M)
        if count == 0:
            raise ValueError("%s: %s" % (path, pattern))
    write(path, text)


def pem_of(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Relay:
    """Between an access network and its RADIUS server: remembers what the server has said."""

    def __init__(self, port):
        self.server, self.said = ("127.0.0.1", port), []
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for s in self.sockets:
            s.bind(("127.0.0.1", 0))
        self.port = self.sockets[0].getsockname()[1]
        self.client = None
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self.ask, self.answer)]
        for thread in self.threads:
            thread.start()

    def ask(self):
        while True:
            message, self.client = self.sockets[0].recvfrom(4096)
            if message == b"":
                return
            self.sockets[1].sendto(message, self.server)

    def answer(self):
        while True:
            try:
                message = self.sockets[1].recv(4096)
            except ConnectionRefusedError:
                continue  # nobody is there, says the kernel
            if message == b"":
                return
            self.said.append(message)
            self.sockets[0].sendto(message, self.client)

    def close(self):
        """An empty datagram ends a thread."""
        for s, thread in zip(self.sockets, self.threads):
            s.sendto(b"", s.getsockname())
            thread.join(10)
            s.close()


def attributes_of(message):
    """By number, each a list of values."""
    out, at = {}, 20
    while at < len(message):
        length = message[at + 1]
        out.setdefault(message[at], []).append(message[at + 2:at + length])
        at += length
    return out


class Outcome:
    """What the supplicant came to, and the server's last word."""

    def __init__(self, done, said):
        last = said[-1] if said else b"\0" * 20
        self.text = done.stdout
        self.is_accepted = (done.returncode == 0 and done.stdout.rstrip().endswith("SUCCESS")
                            and last[0] == ACCESS_ACCEPT)
        self.is_rejected = done.returncode != 0 and last[0] == ACCESS_REJECT
        self.attributes = attributes_of(last)

    def __repr__(self):
        return self.text[-3000:]


class Radius:
    """The site as install.sh makes it of a copy of Debian's configuration."""

    def __init__(self, server):
        self.server, self.process, self.devices = server, None, 0
        self.folder = server.path("radius")
        self.raddb = os.path.join(self.folder, "raddb")
        shutil.rmtree(self.folder, ignore_errors=True)
        for part in ("", "run", "run/arpf", "log"):
            os.makedirs(os.path.join(self.folder, part))
        shutil.copytree(DEBIAN, self.raddb, symlinks=True)
        self.port = free_port()
        self.call(os.path.join(SITE, "install.sh"), self.raddb)
        self.call(os.path.join(SITE, "install.sh"), self.raddb)  # it may be run again
        self.ca = euicc.Certified([(NameOID.COMMON_NAME, "Radius CA")], ca=True, usage=("key_cert_sign",))
        self.configure()

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def call(self, *words):
        done = subprocess.run(words, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        if done.returncode != 0:
            raise RuntimeError("%s: %s" % (words, done.stdout))
        return done.stdout

    @property
    def environment(self):
        return {**self.server.environment,
                "PATH": os.path.dirname(self.server.program("arpfctl")) + ":" + os.environ["PATH"]}

    def configure(self):
        """As an operator does it: addresses, files, who may ask. Folders and user are the test's."""
        edit(os.path.join(self.raddb, "radiusd.conf"), [
            (r"^localstatedir = .*", "localstatedir = " + self.path("run")),
            (r"^logdir = .*", "logdir = " + self.path("log")),
            (r"^raddbdir = .*", "raddbdir = " + self.raddb),
            (r"^run_dir = .*", "run_dir = " + self.path("run")),
            (r"^\s*(user|group) = freerad$", ""),
            (r"^\s*reject_delay = .*", "reject_delay = 0"),
        ])
        edit(os.path.join(self.raddb, "arpf/arpf.conf"), [
            (r"^\s*url = .*", 'url = "%s"' % self.server.url),
            (r"^\s*address = .*", 'address = "127.0.0.1"'),
            (r"^\s*port = .*", "port = %d" % self.port),
        ])
        for name in ("arpf_rest", "arpf_present"):  # a machine may be busy with other things
            edit(os.path.join(self.raddb, "mods-available", name), [(r"timeout = [245](\.0)?$", "timeout = 25")])
        edit(os.path.join(self.raddb, "clients.conf"), [
            (r"^\s*secret\s*=\s*testing123$", 'secret = "%s"' % SECRET)])
        own = euicc.Certified([(NameOID.COMMON_NAME, "radius.example")], self.ca, ca=False,
                              usage=("digital_signature",))
        write(os.path.join(self.raddb, "arpf/eap/server.pem"), own.pem)
        write(os.path.join(self.raddb, "arpf/eap/server.key"), pem_of(own.key), 0o600)
        write(self.path("ca.pem"), self.ca.pem)

    # ---- what an operator tells it

    def list_issuer(self, name, holder):
        write(os.path.join(self.raddb, "arpf/issuers", name + ".pem"), holder.pem)

    def renew_trust(self):
        return self.call(sys.executable, os.path.join(SITE, "trust.py"), self.raddb)

    # ---- the server

    def start(self):
        program = shutil.which("freeradius", path=os.environ["PATH"] + ":/usr/sbin")
        with open(self.path("out"), "a") as out:
            self.process = subprocess.Popen([program, "-f", "-l", self.path("radius.log"), "-d", self.raddb],
                                            env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        world.wait_until(lambda: self.process.poll() is not None or "Ready to process" in self.log(),
                         30, "FreeRADIUS is ready")
        if self.process.poll() is not None:
            raise RuntimeError(self.log())

    def stop(self):
        """Its exit status; None where it was not running."""
        process, self.process = self.process, None
        if process is None:
            return None
        process.terminate()
        return process.wait(120)

    def log(self):
        text = ""
        for name in ("out", "radius.log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as f:
                    text += f.read()
        return text

    # ---- devices

    def authenticate(self, key, chain, tls="1.2", method="TLS"):
        """An unmodified supplicant. chain: PEM, the device's certificate first."""
        self.devices += 1
        at = self.path("device%d" % self.devices)
        write(at + ".pem", chain)
        write(at + ".key", pem_of(key), 0o600)
        write(at + ".conf", 'network={\n key_mgmt=WPA-EAP\n eap=%s\n identity="anonymous"\n password="none"\n'
              ' ca_cert="%s"\n client_cert="%s.pem"\n private_key="%s.key"\n'
              ' phase1="tls_disable_tlsv1_3=%d"\n}\n' % (
                  method, self.path("ca.pem"), at, at, 0 if tls == "1.3" else 1))
        relay = Relay(self.port)
        done = subprocess.run(
            ["eapol_test", "-c", at + ".conf", "-a", "127.0.0.1", "-p", str(relay.port), "-s", SECRET,
             "-t", "60"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=300)
        relay.close()
        return Outcome(done, relay.said)
