"""Worlds whose listener speaks TLS, callers of every role, and certificates that no caller should have."""
import contextlib
import datetime
import http.client
import ipaddress
import math
import os
import re
import signal
import socket
import ssl

import world
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROLES = ("service-provider", "ausf", "access-network", "companion-gateway", "device-gateway", "admin",
         "auditor", "metrics")
LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


def roles_of(method, path):
    """Section 12."""
    if path == "/metrics":
        return {"metrics", "admin", "auditor"}
    if path.startswith("/admin/v1/"):
        return {"admin", "auditor"} if method == "GET" else {"admin"}
    if path == "/narpf-ek/v1/certificate":
        return {"service-provider", "ausf"}
    if path.startswith("/ndausf-auth/v1/"):
        return {"access-network"} if method == "POST" else {"ausf"}
    if path.startswith("/ncp-attach/v1/pdu-sessions/"):
        return {"access-network", "device-gateway"}
    for prefix, role in (("/narpf-ek/", "ausf"), ("/nausf-initial-attach/", "service-provider"),
                         ("/nudm-ueau/", "ausf"), ("/naanf-akma/", "ausf"),
                         ("/narpf-companion/", "companion-gateway"), ("/nsm-device/", "companion-gateway"),
                         ("/ncp-attach/", "device-gateway"), ("/nsmdp-profile/", "device-gateway")):
        if path.startswith(prefix):
            return {role}
    return set()


class Identity:
    """A certificate, its key, and whoever issued it (None: itself)."""

    def __init__(self, issuer=None, ou=(), cn="caller", key=None, days=(-1, 30), usage="client", ca=False,
                 names=()):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "openarpf test")] +
                              [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, o) for o in ou] +
                              [x509.NameAttribute(NameOID.COMMON_NAME, cn)])
        now = datetime.datetime.utcnow()
        self.end = now + datetime.timedelta(days=days[1])
        builder = (x509.CertificateBuilder().subject_name(self.name)
                   .issuer_name(issuer.name if issuer else self.name)
                   .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(days=days[0]))
                   .not_valid_after(self.end)
                   .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
        purposes = {"client": ExtendedKeyUsageOID.CLIENT_AUTH, "server": ExtendedKeyUsageOID.SERVER_AUTH}
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purposes[usage]]), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self.certificate = builder.sign(issuer.key if issuer else self.key, hashes.SHA256())
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)
        self.key_pem = self.key.private_bytes(serialization.Encoding.PEM,
                                              serialization.PrivateFormat.PKCS8,
                                              serialization.NoEncryption())

    def ends_in_s(self):
        return (self.end - datetime.datetime.utcnow()).total_seconds()

    def write(self, certificate_path, key_path):
        for path, content in ((certificate_path, self.pem), (key_path, self.key_pem)):
            with open(path, "wb") as f:
                f.write(content)

    def revoke(self, certificate, lives_s=86400):
        """A CRL of this CA's."""
        now = datetime.datetime.utcnow()
        entry = (x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
                 .revocation_date(now).build())
        return (x509.CertificateRevocationListBuilder().issuer_name(self.name)
                .last_update(now - datetime.timedelta(days=1))
                .next_update(now + datetime.timedelta(seconds=lives_s))
                .add_revoked_certificate(entry).sign(self.key, hashes.SHA256())
                .public_bytes(serialization.Encoding.PEM))


def make_authority(cn="Test CA"):
    return Identity(cn=cn, ca=True, usage=None)


def new_rsa_key():
    return rsa.generate_private_key(65537, 2048)


def new_costly_key():
    """RSA whose exponent is as long as its modulus."""
    good = new_rsa_key().private_numbers()
    order = (good.p - 1) * (good.q - 1)
    e = (1 << 2000) + 1
    while math.gcd(e, order) != 1:
        e += 2
    d = pow(e, -1, order)
    public = rsa.RSAPublicNumbers(e, good.public_numbers.n)
    return rsa.RSAPrivateNumbers(good.p, good.q, d, d % (good.p - 1), d % (good.q - 1), good.iqmp, public).private_key()


class StoredAuthority(Identity):
    """The world's own TLS CA."""

    def __init__(self, folder):
        with open(os.path.join(folder, "ca.pem"), "rb") as f:
            self.pem = f.read()
        with open(os.path.join(folder, "ca.key"), "rb") as f:
            self.key = serialization.load_pem_private_key(f.read(), None)
        self.certificate = x509.load_pem_x509_certificate(self.pem)
        self.name = self.certificate.subject


class TlsWorld(world.World):
    def __init__(self, name, settings=None):
        super().__init__(name, settings, tls="1")

    def tls(self, name):
        return self.path(os.path.join("tls", name))

    def context(self, caller=None):
        """caller: a role, an Identity, or None for a client without a certificate."""
        context = ssl.create_default_context(cafile=self.tls("ca.pem"))
        if isinstance(caller, str):
            context.load_cert_chain(self.tls(caller + ".pem"), self.tls(caller + ".key"))
        elif caller is not None:
            caller.write(self.path("caller.pem"), self.path("caller.key"))
            context.load_cert_chain(self.path("caller.pem"), self.path("caller.key"))
        return context

    def connection(self, timeout=world.PATIENCE_S, caller="service-provider", context=None):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout,
                                           context=context or self.context(caller))

    def request(self, method, path, body=None, headers=None, connection=None, timeout=world.PATIENCE_S, caller="by path"):
        """As the first role that may, unless a caller or a connection is given."""
        if connection is not None:
            return super().request(method, path, body, headers, connection, timeout)
        if caller == "by path":
            caller = sorted(roles_of(method, path) or {"admin"})[0]
        with contextlib.closing(self.connection(timeout, caller)) as c:
            return super().request(method, path, body, headers, c, timeout)

    def dial(self, timeout=60, address="127.0.0.1", port=None):
        return socket.create_connection((address, port or self.port), timeout=timeout)

    def routes(self):
        """[(method, path with its parameters filled in, roles)], as the server has them."""
        rows = []
        for line in self.run("arpfd", "--routes").stdout.splitlines():
            method, path, *roles = line.split()
            rows.append((method, re.sub(r"\{\w+\}", "001990000000001", path), set(roles)))
        return rows

    def reload(self):
        """Waits until the files have been read, or refused."""
        before = self.count_reads()
        os.kill(self.arpfd_pid(), signal.SIGHUP)
        world.wait_until(lambda: self.count_reads() > before, 20, "the TLS files are read")

    def count_reads(self):
        return len(re.findall(r"event=tls_files_(read|unusable) ", self.log()))

    def cpu_s(self):
        with open("/proc/%d/stat" % self.arpfd_pid()) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class TlsCase(world.WorldCase):
    """One world for all; what a test changes of its TLS files it puts back."""

    tls_shared = None

    @classmethod
    def setUpClass(cls):
        if TlsCase.tls_shared is None:
            TlsCase.tls_shared = world.WorldCase.shared = TlsWorld("tls", {"server.reactors": 2})
        cls.world = TlsCase.tls_shared
        cls.ca = StoredAuthority(cls.world.path("tls"))
        cls.issuer = world.Issuer(cls.world)
        cls.arpf = cls.world.arpf()

    @contextlib.contextmanager
    def changed_files(self):
        """The TLS files may be written over; afterwards they are what they were, and read."""
        folder = self.world.path("tls")
        before = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as f:
                before[name] = f.read()
        try:
            yield
        finally:
            for name, content in before.items():
                with open(os.path.join(folder, name), "wb") as f:
                    f.write(content)
            self.world.reload()

    def append(self, name, content):
        with open(self.world.tls(name), "ab") as f:
            f.write(content)

    def ask(self, method, path, connection):
        return self.world.request(method, path, None if method in ("GET", "DELETE") else {}, connection=connection)

    def assert_let_in(self, answer):
        self.assertNotIn(self.cause_of(answer) if answer.status != 200 else None,
                         ("UNAUTHENTICATED", "ROLE_NOT_PERMITTED"), answer)
