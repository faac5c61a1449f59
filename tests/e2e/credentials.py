"""Certificates and tokens for the tests: good ones, and each of the bad ones asked for."""
import datetime
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

import protocol

USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
          "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


def new_key():
    return ec.generate_private_key(protocol.CURVE)


def from_now(days):
    return datetime.datetime.utcnow() + datetime.timedelta(days=days)


class Holder:
    """A key with its certificate. `usage` None and `ca` None leave the extension out."""

    def __init__(self, name, issuer=None, *, ca, usage, serial_number=None, key=None, days=(-1, 365),
                 signing_key=None, serial=None, path_length=None):
        self.key = key or new_key()
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        if serial_number is not None:
            attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, serial_number))
        self.name = x509.Name(attributes)
        self.serial = serial or x509.random_serial_number()
        builder = (x509.CertificateBuilder()
                   .subject_name(self.name)
                   .issuer_name(issuer.name if issuer else self.name)
                   .public_key(self.key.public_key())
                   .serial_number(self.serial)
                   .not_valid_before(from_now(days[0]))
                   .not_valid_after(from_now(days[1])))
        if ca is not None:
            builder = builder.add_extension(
                x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
        if usage is not None:
            builder = builder.add_extension(
                x509.KeyUsage(**{u: u in usage for u in USAGES}), critical=True)
        self.signing_key = signing_key or (issuer.key if issuer else self.key)
        self.certificate = builder.sign(self.signing_key, hashes.SHA256())
        self.der = self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self):
        return self.certificate.public_bytes(Encoding.PEM)


def make_ci(name="CI", **changes):
    return Holder(name, **{"ca": True, "usage": ("key_cert_sign", "crl_sign"), **changes})


def make_pn(ci, name="PN", **changes):
    return Holder(name, ci, **{"ca": True, "usage": ("key_cert_sign",), **changes})


def make_se(pn, se_id, **changes):
    return Holder("SE", pn, **{"ca": False, "usage": ("digital_signature",), "serial_number": se_id,
                               **changes})


# ---- DER and CBOR, as little as is needed


def der_parts(data):
    """The elements of the SEQUENCE that data is, each whole."""
    parts, _, at = [], *der_header(data, 0)
    while at < len(data):
        length, start = der_header(data, at)
        parts.append(data[at:start + length])
        at = start + length
    return parts


def der_header(data, at):
    """Length and start of the content of the element at `at`."""
    first = data[at + 1]
    if first < 0x80:
        return first, at + 2
    count = first & 0x7F
    return int.from_bytes(data[at + 2:at + 2 + count], "big"), at + 2 + count


def der_element(tag, content):
    n = len(content)
    if n < 0x80:
        return bytes([tag, n]) + content
    length = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def reissue(holder, edit):
    """The holder's certificate with its to-be-signed part edited, and properly signed again."""
    tbs, algorithm, _ = der_parts(holder.der)
    tbs = edit(tbs)
    signature = holder.signing_key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return der_element(0x30, tbs + algorithm + der_element(0x03, b"\0" + signature))


def off_curve(point):
    """A well-formed point that is not on the curve."""
    return point[:-1] + bytes([point[-1] ^ 1])


def cbor_head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | code]) + n.to_bytes(size, "big")
    raise ValueError(n)


def cbor(value):
    if isinstance(value, bool):
        return bytes([0xF5 if value else 0xF4])
    if isinstance(value, int):
        return cbor_head(0, value) if value >= 0 else cbor_head(1, -1 - value)
    if isinstance(value, bytes):
        return cbor_head(2, len(value)) + value
    if isinstance(value, str):
        return cbor_head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return cbor_head(4, len(value)) + b"".join(cbor(v) for v in value)
    if isinstance(value, dict):
        return cbor_head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())
    raise TypeError(value)


def cose_sign1(key, payload, protected=None, tagged=True):
    protected = cbor({1: -7}) if protected is None else protected
    signed = cbor(["Signature1", protected, b"", payload])
    message = cbor([protected, {}, payload, protocol.sign_raw(key, signed)])
    # an empty map is 0xa0, as cbor() writes it
    return (cbor_head(6, 18) if tagged else b"") + message


class Device:
    """A Secure Element with a dIMSI, and the ephemeral key of one attach."""

    def __init__(self, pn, ci, dimsi, se_id=None, se=None):
        self.ci, self.pn, self.dimsi = ci, pn, dimsi
        self.se_id = se_id or "SE-" + dimsi
        self.se = se or make_se(pn, self.se_id)
        self.shs = self.ek = self.atk = None

    def make_token(self, arpf, **changes):
        """Step 0-c. `changes`: another value for dimsi, point, key_id, nonce, key, protected, payload, tagged."""
        ephemeral = new_key()
        point = protocol.point(ephemeral.public_key())
        self.shs = ephemeral.exchange(ec.ECDH(), arpf.ecka.public_key())
        self.ek = protocol.derive_ek(self.shs, self.dimsi, point, arpf.key_id)
        payload = {1: changes.get("dimsi", self.dimsi), 2: changes.get("point", point),
                   3: changes.get("key_id", arpf.key_id), 4: changes.get("nonce", os.urandom(16))}
        self.atk = cose_sign1(changes.get("key", self.se.key), changes.get("payload", cbor(payload)),
                              changes.get("protected"), changes.get("tagged", True))
        return self.atk

    def credentials(self, **changes):
        """seCredentials; `changes`: other bytes for atk, certSe, certPn, certCi; None leaves it out."""
        parts = {"atk": self.atk, "certSe": self.se.der, "certPn": self.pn.der, "certCi": self.ci.der,
                 **changes}
        return {name: protocol.b64(data) if isinstance(data, bytes) else data
                for name, data in parts.items() if data is not None}

    def secrets(self):
        ekc, eki, eka, eopc = protocol.ek_keys(self.ek, self.dimsi)
        return {"SHS": self.shs, "eK": self.ek, "eKc": ekc, "eKi": eki, "eKa": eka, "eOPc": eopc}
