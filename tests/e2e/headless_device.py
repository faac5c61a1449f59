"""The headless device of Solution #12.z and its maker's web server (docs/protocol.md section 8), from the page alone."""
import hashlib
import hmac
import http.server
import json
import os
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

import credentials
import protocol
from protocol import Wrong, transcript, unb64
from usim import Usim

ADDITIONS = "/nsm-device/v1/device-additions"


class Maker:
    """A device maker's CA with one issuing CA. rsa_bits: of its own keys; None: P-256."""

    def __init__(self, name="maker", rsa_bits=None, signing_hash=None):
        self.rsa_bits, self.hash = rsa_bits, signing_hash or hashes.SHA256()
        self.root = self.authority(name + " root")
        self.issuing = self.authority(name + " issuing", self.root)

    def new_key(self):
        return (rsa.generate_private_key(public_exponent=65537, key_size=self.rsa_bits)
                if self.rsa_bits else credentials.new_key())

    def authority(self, name, issuer=None, **changes):
        key = self.new_key()
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        return self.certify(attributes, key, issuer, ca=True,
                            usage=("key_cert_sign", "crl_sign"), **changes)

    def certify(self, attributes, key, issuer=None, *, ca, usage, days=(-1, 365), signing_hash=None):
        name = x509.Name(attributes)
        out = type("Certified", (), {})()
        out.key, out.name = key, name
        builder = (x509.CertificateBuilder().subject_name(name)
                   .issuer_name(issuer.name if issuer else name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(credentials.from_now(days[0]))
                   .not_valid_after(credentials.from_now(days[1]))
                   .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
                   .add_extension(x509.KeyUsage(
                       **{u: u in usage for u in credentials.USAGES}), critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
                                  critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                       (issuer.key if issuer else key).public_key()), critical=False))
        out.certificate = builder.sign(issuer.key if issuer else key, signing_hash or self.hash)
        out.der = out.certificate.public_bytes(Encoding.DER)
        out.pem = out.certificate.public_bytes(Encoding.PEM)
        return out

    def device(self, key=None, **changes):
        return Device(self, key or credentials.new_key(), **changes)


class Device:
    def __init__(self, maker, key, device_id=None, manufacturer="Acme", model="Meter 7",
                 days=(-1, 365), ca=False, issuer=None, subject=None, signing_hash=None):
        self.device_id = device_id or "dev-" + os.urandom(6).hex()
        self.manufacturer, self.model, self.key, self.maker = manufacturer, model, key, maker
        attributes = subject if subject is not None else [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, manufacturer),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, model),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, self.device_id)]
        self.holder = maker.certify(
            attributes, key, issuer or maker.issuing, ca=ca, days=days, signing_hash=signing_hash,
            usage=("key_cert_sign",) if ca else ("digital_signature", "key_agreement",
                                                 "key_encipherment"))

    @property
    def pem_chain(self):
        return self.holder.pem + self.maker.issuing.pem

    @property
    def pkcs7(self):
        return pkcs7.serialize_certificates(
            [self.maker.issuing.certificate, self.holder.certificate], Encoding.DER)

    def open_k_prime(self, sealed):
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return protocol.open_ecies(self.key, sealed)
        if sealed["scheme"] != "rsa-oaep-sha256":
            raise Wrong("scheme " + sealed["scheme"])
        return self.key.decrypt(unb64(sealed["ciphertext"]), padding.OAEP(
            padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))

    def install(self, answer, companion, certificate):
        """Steps 9 and 10, for companion UE and device. Returns the device's USIM."""
        raw = unb64(answer["profile"])
        profile = json.loads(raw.decode())
        protocol.check_batch_signature(
            answer["profileSignature"], transcript("arpf profile v1", raw), certificate)
        told = [profile[m] for m in ("version", "deviceId", "manufacturer", "model")]
        if told != [1, self.device_id, self.manufacturer, self.model]:
            raise Wrong("another device's profile: %s" % told)
        if set(profile["networkIdentity"]) != {"mcc", "mnc", "name"}:
            raise Wrong("networkIdentity")
        time.strptime(profile["issuedAt"], "%Y-%m-%dT%H:%M:%SZ")
        time.strptime(profile["notAfter"], "%Y-%m-%dT%H:%M:%SZ")
        self.access_id = profile["accessId"]
        bytes.fromhex(self.access_id)
        k_prime = self.open_k_prime(profile["encryptedKPrime"])
        n2 = unb64(answer["nonce"])
        if len(k_prime) != 32 or len(n2) != 16:
            raise Wrong("sizes")
        self.k_prime = k_prime
        k2 = hmac.new(k_prime, transcript("arpf kdoubleprime v1", n2, self.device_id,
                                          self.manufacturer, self.model), "sha256").digest()
        sealed = answer["sealedKDoublePrime"]
        key = protocol.expand(companion.k, transcript("arpf seal v1", companion.akid), 32)
        opened = AESGCM(key).decrypt(unb64(sealed["iv"]), unb64(sealed["ciphertext"]), transcript(
            "arpf add answer v1", self.device_id, profile["supi"]))
        if opened != k2:
            raise Wrong("K''")
        keys = protocol.expand(k_prime, transcript("arpf kprime keys v1", profile["supi"]), 32)
        return Usim(profile["supi"], keys[:16], keys[16:])

    @property
    def nai(self):
        return "nai-%s@5gc.mnc001.mcc001.3gppnetwork.org" % self.access_id


def ask(companion, url, **changes):
    body = {"aKId": companion.akid, "deviceUrl": url,
            "mac": protocol.b64(companion.mac("arpf add v1", companion.akid, url)), **changes}
    return companion.world.request("POST", ADDITIONS, body)


PEM = "application/pem-certificate-chain"
DER = "application/pkix-cert"
PKCS7 = "application/pkcs7-mime"


class Web:
    """http://127.0.0.1:port/…; pages: {path: (status, headers, body or a function that writes to a file)}."""

    def __init__(self):
        web = self
        self.pages, self.asked = {}, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                web.asked.append(self.path)
                status, headers, body = web.pages.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if isinstance(body, bytes):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body) if isinstance(body, bytes) else body(self.wfile)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def put(self, path, body, kind=PEM, status=200, **headers):
        self.pages[path] = (status, {"Content-Type": kind, **{
            k.replace("_", "-"): v for k, v in headers.items()}}, body)
        return self.url(path)

    def serve(self, device, **headers):
        return self.put("/DeviceID=" + device.device_id, device.pem_chain, **headers)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def k_prime_of(k_c, companion_supi, device, n1):
    """What the HSM computes; only for tests that know n1."""
    i = transcript("arpf kprime v1", companion_supi, device.device_id,
                   hashlib.sha256(protocol.spki(device.key.public_key())).digest(), n1)
    return protocol.aes_cmac(k_c, b"\1" + i) + protocol.aes_cmac(k_c, b"\2" + i)
