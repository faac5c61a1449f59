#!/usr/bin/python3
"""Tells FreeRADIUS who may issue devices' certificates: arpfd's anchors for devices, and what lies in arpf/issuers.

usage: trust.py RADDB

RADDB/arpf/issuers/*.pem are the CAs right above devices' certificates: eUICC manufacturers (EUM), and the
intermediate CAs of other makers. The anchors come from `arpfctl trust list`, with its environment. What is written,
RADDB/arpf/trust, has two folders:

  trusted/  for FreeRADIUS. Each issuer's name and key, certified anew by a CA of the moment whose key is thrown away:
            OpenSSL then asks of a device's certificate no more than that an issuer of ours has signed it, and cannot
            stumble over an EUM's name constraints, which SGP.22 means otherwise than RFC 5280.
  chain/    the issuers' own certificates, for arpfd, which asks the rest.
"""
import base64
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

DAYS = 3650
BEGIN = b"-----BEGIN CERTIFICATE-----"


def listed_issuers(folder):
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as f:
            for part in f.read().split(BEGIN)[1:]:
                yield x509.load_pem_x509_certificate(BEGIN + part)


def device_anchors():
    done = subprocess.run(["arpfctl", "trust", "list", "--json"], stdout=subprocess.PIPE, check=True)
    for anchor in json.loads(done.stdout)["items"]:
        if anchor["use"] == "device":
            yield x509.load_der_x509_certificate(base64.b64decode(anchor["certificate"]))


class Certifier:
    """A CA that lives as long as this object."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.now = datetime.datetime.utcnow()
        self.name = x509.Name([x509.NameAttribute(
            NameOID.COMMON_NAME, "arpf trust %s %s" % (self.now.isoformat(), os.urandom(4).hex()))])
        self.own = self.certify(self.name, self.key.public_key(), None)

    def certify(self, name, key, path_length):
        return (x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(key)
                .serial_number(x509.random_serial_number())
                .not_valid_before(self.now - datetime.timedelta(days=1))
                .not_valid_after(self.now + datetime.timedelta(days=DAYS))
                .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
                .sign(self.key, hashes.SHA256()))


def write(folder, name, certificate):
    with open(os.path.join(folder, name), "wb") as f:
        f.write(certificate.public_bytes(Encoding.PEM))
        os.fchmod(f.fileno(), 0o644)


def fill(folder, anchors, issuers):
    """Returns how many may issue."""
    trusted, chain = os.path.join(folder, "trusted"), os.path.join(folder, "chain")
    for part in (folder, trusted, chain):
        os.makedirs(part, exist_ok=True)
        os.chmod(part, 0o755)  # for FreeRADIUS, whatever the umask
    certifier = Certifier()
    write(trusted, "ca.pem", certifier.own)
    known = {c.fingerprint(hashes.SHA256()).hex(): c for c in anchors + issuers}
    for name, certificate in known.items():
        write(trusted, name + ".pem", certifier.certify(certificate.subject, certificate.public_key(), 0))
    for certificate in issuers:
        write(chain, certificate.fingerprint(hashes.SHA256()).hex() + ".pem", certificate)
    for part in (trusted, chain):
        subprocess.run(["openssl", "rehash", part], check=True)
    return len(known)


def put_in_place(folder, link):
    """In one go: FreeRADIUS reads there while it serves. What was there before is removed."""
    before = os.path.realpath(link) if os.path.islink(link) else None
    os.symlink(os.path.basename(folder), link + ".new")
    os.replace(link + ".new", link)
    if before:
        shutil.rmtree(before, ignore_errors=True)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    arpf = os.path.join(sys.argv[1], "arpf")
    issuers = list(listed_issuers(os.path.join(arpf, "issuers")))
    folder = tempfile.mkdtemp(prefix="trust.", dir=arpf)
    count = fill(folder, list(device_anchors()), issuers)
    put_in_place(folder, os.path.join(arpf, "trust"))
    print("%d may issue devices' certificates" % count)


if __name__ == "__main__":
    main()
