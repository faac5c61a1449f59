"""The IoT device of Solution #12.x (docs/protocol.md section 7), from the page, RFC 7919, RFC 7748 and RFC 6507 alone."""
import hashlib
import hmac
import os

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import protocol
from protocol import Wrong, b64, transcript, unb64
from usim import Usim

REQUESTS = "/narpf-companion/v1/credential-requests"

# RFC 7919 appendix A: p = 2^b - 2^(b-64) + (floor(2^(b-130) e) + X) 2^64 - 1


def floor_of_e(bits):
    """floor(2^bits * e) by its series, with bits to spare."""
    spare = 64
    total, term, n = 0, 1 << bits + spare, 0
    while term:
        total, n = total + term, n + 1
        term //= n
    return total >> spare


def ffdhe_prime(bits, x):
    return 2**bits - 2**(bits - 64) + (floor_of_e(bits - 130) + x) * 2**64 - 1


PRIMES = {"ffdhe2048": ffdhe_prime(2048, 560316), "ffdhe3072": ffdhe_prime(3072, 2625351)}
GROUPS = ("ffdhe2048", "ffdhe3072", "p256", "x25519")


class Secret:
    """Step 1: RAND1 and A."""

    def __init__(self, group):
        self.group = group
        if group in PRIMES:
            self.p = PRIMES[group]
            self.x = int.from_bytes(os.urandom(40), "big") | 1
            self.a = pow(2, self.x, self.p).to_bytes(self.p.bit_length() // 8, "big")
        elif group == "p256":
            self.key = ec.generate_private_key(protocol.CURVE)
            self.a = protocol.point(self.key.public_key())
        else:
            self.key = x25519.X25519PrivateKey.generate()
            self.a = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def agree(self, b):
        if self.group in PRIMES:
            if len(b) != len(self.a):
                raise Wrong("B of %d bytes" % len(b))
            n = int.from_bytes(b, "big")
            if not 2 <= n <= self.p - 2 or pow(n, (self.p - 1) // 2, self.p) != 1:
                raise Wrong("B is not of the group")
            return pow(n, self.x, self.p).to_bytes(len(b), "big")
        if self.group == "p256":
            return self.key.exchange(
                ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(protocol.CURVE, b))
        return self.key.exchange(x25519.X25519PublicKey.from_public_bytes(b))


class Device:
    def __init__(self, group="p256", device_id=None):
        self.device_id = device_id or "iot-" + os.urandom(6).hex()
        self.group, self.secret = group, Secret(group)

    @property
    def a(self):
        return self.secret.a

    def request(self, companion, **changes):
        """Step 3; changes: members to replace after the MAC was made over what stands here."""
        said = {"pType": "IOT_CREDENTIAL_REQUEST", "deviceId": self.device_id, "group": self.group,
                "a": b64(self.a), "aKId": companion.akid}
        signed = {**said, **changes.pop("signed", {})}
        signed["mac1"] = b64(companion.mac(
            "arpf mac1 v1", signed["pType"], signed["deviceId"], signed["group"],
            unb64(signed["a"]), signed["aKId"]))
        return {**signed, **changes}

    def ask(self, companion, **changes):
        return companion.world.request("POST", REQUESTS, self.request(companion, **changes))

    def take(self, answer, parameters):
        """Steps 6 to 8."""
        self.access_id = bytes.fromhex(answer["accessId"])
        if unb64(answer["a"]) != self.a or len(self.access_id) != 16:
            raise Wrong("not what was asked for")
        b = unb64(answer["b"])
        check_sig_cn(answer["sigCn"], transcript(
            "arpf sigcn v1", self.access_id, self.group, b, self.a, self.device_id), parameters)
        z = self.secret.agree(b)
        salt = hashlib.sha256(transcript(
            "arpf kd v1", self.access_id, self.device_id, self.group, self.a, b)).digest()
        kd = protocol.expand(hmac.new(salt, z, "sha256").digest(), b"arpf kd v1", 32)
        keys = protocol.expand(kd, transcript("arpf kd keys v1", self.access_id), 64)
        self.kdm, self.kda, self.kdo = keys[:32], keys[32:48], keys[48:]

    def confirmation(self, **changes):
        mac2 = hmac.new(self.kdm, transcript("arpf mac2 v1", self.access_id, self.device_id),
                        "sha256").digest()
        return {"deviceId": self.device_id, "mac2": b64(mac2), **changes}

    def confirm(self, world, **changes):
        return world.request("POST", "%s/%s/confirmation" % (REQUESTS, self.access_id.hex()),
                             self.confirmation(**changes))

    def finish(self, answer):
        """Step 12. The device's USIM from then on."""
        if answer["provisionComplete"] is not True:
            raise Wrong("not complete")
        expected = hmac.new(self.kdm, transcript(
            "arpf mac3 v1", self.access_id, self.device_id, answer["supi"]), "sha256").digest()
        if unb64(answer["mac3"]) != expected:
            raise Wrong("MAC3")
        return Usim(answer["supi"], self.kda, self.kdo)

    @property
    def nai(self):
        return "nai-%s@5gc.mnc001.mcc001.3gppnetwork.org" % self.access_id.hex()


# ---- ECCSI (RFC 6507 5.2.2), with P-256 by hand: this verifies, it keeps no secret

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
Q = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b
G = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
     0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(n, point):
    out = None
    while n:
        if n & 1:
            out = add(out, point)
        n, point = n >> 1, add(point, point)
    return out


def decode(data):
    if len(data) != 65 or data[0] != 4:
        raise Wrong("no point")
    x, y = int.from_bytes(data[1:33], "big"), int.from_bytes(data[33:], "big")
    if (y * y - x**3 + 3 * x - B) % P or x >= P or y >= P:
        raise Wrong("not on the curve")
    return x, y


def encode(point):
    return b"\4" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def verify_eccsi(kpak, identity, message, signature):
    if len(signature) != 129:
        raise Wrong("a signature of %d bytes" % len(signature))
    r, s = signature[:32], int.from_bytes(signature[32:64], "big")
    pvt = signature[64:]
    hs = hashlib.sha256(encode(G) + kpak + identity + pvt).digest()
    he = int.from_bytes(hashlib.sha256(hs + r + message).digest(), "big")
    y = add(multiply(int.from_bytes(hs, "big") % Q, decode(pvt)), decode(kpak))
    n = int.from_bytes(r, "big")
    j = multiply(s, add(multiply(he % Q, G), multiply(n % Q, y)))
    if j is None or j[0] == 0 or j[0] != n or not 0 < s < Q:
        raise Wrong("the signature does not verify")


def check_sig_cn(signature, message, parameters):
    if signature["suite"] != parameters["suite"] or signature["signerId"] != parameters["signerId"]:
        raise Wrong("signed by " + signature["signerId"])
    if signature["suite"] == "ecdsa-p256-sha256":
        certificate = x509.load_der_x509_certificate(unb64(parameters["chain"][0]))
        protocol.check_batch_signature(signature, message, certificate)
        return
    root = protocol.merkle_root(hashlib.sha256(b"\0" + message).digest(), signature["leafIndex"],
                                signature["treeSize"], [unb64(p) for p in signature["path"]])
    verify_eccsi(unb64(parameters["kpak"]), signature["signerId"].encode(),
                 transcript("arpf batch signature v1", root, protocol.u32(signature["treeSize"])),
                 unb64(signature["signature"]))
