"""The USIM's and the companion UE's arithmetic (docs/protocol.md sections 5 and 6), from the page and TS 35.206 alone."""
import hmac
import hashlib
import os
import struct

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import protocol
from protocol import Wrong

AUSF = "1b3c1f2e-0f4d-4a30-a9a5-3f4f0b1c2d3e"
NETWORK = "5G:mnc001.mcc001.3gppnetwork.org"


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def rotate(block, bits):
    n = int.from_bytes(block, "big")
    return (((n << bits) | (n >> (128 - bits))) & (1 << 128) - 1).to_bytes(16, "big")


def kdf_3gpp(key, fc, *parameters):
    s = bytes([fc])
    for p in parameters:
        p = p.encode() if isinstance(p, str) else p
        s += p + struct.pack(">H", len(p))
    return hmac.new(key, s, "sha256").digest()


class Milenage:
    """TS 35.206 with the standard's c and r."""

    def __init__(self, k, opc, rand, sqn=bytes(6), amf=b"\x80\x00"):
        def e(block):
            return protocol.aes_ecb(k, block)

        temp = e(xor(rand, opc))
        in1 = (sqn + amf) * 2

        def out(rotation, constant, block):
            mixed = xor(rotate(xor(block, opc), rotation), constant.to_bytes(16, "big"))
            return mixed

        out1 = xor(e(xor(temp, out(64, 0, in1))), opc)
        outs = [xor(e(out(r, c, temp)), opc) for r, c in ((0, 1), (32, 2), (64, 4), (96, 8))]
        self.mac_a, self.mac_s = out1[:8], out1[8:]
        self.ak, self.res = outs[0][:6], outs[0][8:]
        self.ck, self.ik, self.ak_star = outs[1], outs[2], outs[3][:6]


def opc_of(k, op):
    return xor(protocol.aes_ecb(k, op), op)


class Usim:
    """K, OPc and the highest SQN seen."""

    def __init__(self, supi, k=None, opc=None):
        self.supi, self.k, self.opc = supi, k or os.urandom(16), opc or os.urandom(16)
        self.sqn = 0

    def accept(self, vector, network=NETWORK):
        """Checks a home vector as USIM, ME and AUSF would. Returns its SQN."""
        if vector["authType"] != "5G_AKA" or vector["authenticationVector"]["avType"] != "5G_HE_AKA":
            raise Wrong("another kind of vector")
        av = {name: bytes.fromhex(vector["authenticationVector"][name])
              for name in ("rand", "autn", "xresStar", "kausf")}
        if [len(av[n]) for n in ("rand", "autn", "xresStar", "kausf")] != [16, 16, 16, 32]:
            raise Wrong("a vector of other sizes")
        autn = av["autn"]
        if not autn[6] & 0x80:
            raise Wrong("the separation bit is not set")
        ak = Milenage(self.k, self.opc, av["rand"]).ak
        sqn = xor(autn[:6], ak)
        m = Milenage(self.k, self.opc, av["rand"], sqn, autn[6:8])
        if m.mac_a != autn[8:]:
            raise Wrong("MAC-A")
        number = int.from_bytes(sqn, "big")
        if number >> 5 <= self.sqn >> 5:
            raise Wrong("an SQN that was there: %d after %d" % (number, self.sqn))
        self.sqn = number
        keys = m.ck + m.ik
        if kdf_3gpp(keys, 0x6b, network, av["rand"], m.res)[16:] != av["xresStar"]:
            raise Wrong("XRES*")
        self.kausf = kdf_3gpp(keys, 0x6a, network, autn[:6])
        if self.kausf != av["kausf"]:
            raise Wrong("K_AUSF")
        return number

    def auts(self, rand, sqn_ms):
        sqn = sqn_ms.to_bytes(6, "big")
        m = Milenage(self.k, self.opc, rand, sqn, b"\0\0")
        return xor(sqn, m.ak_star) + m.mac_s


class Companion:
    """A companion UE: a subscriber with an AKMA session. register() makes a new one."""

    def __init__(self, world, supi, usim=None):
        self.world, self.supi, self.usim = world, supi, usim
        self.renew()

    def renew(self):
        self.k_akma = os.urandom(32)
        self.akid = "r0%s@akma.5gc.mnc001.mcc001.3gppnetwork.org" % os.urandom(16).hex()
        af_id = self.world.environment["ARPF_AF_FQDN"].encode() + bytes.fromhex("0100000000")
        self.k = kdf_3gpp(self.k_akma, 0x82, af_id)

    def register(self):
        return self.world.request("POST", "/naanf-akma/v1/register-anchorkey", {
            "supi": self.supi, "aKId": self.akid, "kAkma": self.k_akma.hex()})

    def remove(self):
        return self.world.request("POST", "/naanf-akma/v1/remove-context", {"supi": self.supi})

    def mac(self, label, *fields):
        return hmac.new(self.k, protocol.transcript(label, *fields), "sha256").digest()


def ask_vector(world, supi, network=NETWORK, resync=None, **more):
    body = {"servingNetworkName": network, "ausfInstanceId": AUSF, **more}
    if resync:
        body["resynchronizationInfo"] = {"rand": resync[0].hex(), "auts": resync[1].hex()}
    return world.request(
        "POST", "/nudm-ueau/v1/%s/security-information/generate-auth-data" % supi, body)


def tell_event(world, supi, success=True, **more):
    return world.request("POST", "/nudm-ueau/v1/%s/auth-events" % supi, {
        "nfInstanceId": AUSF, "success": success, "timeStamp": "2026-01-02T03:04:05Z",
        "authType": "5G_AKA", "servingNetworkName": NETWORK, **more})


# ---- SUCI (TS 33.501 C.3)


def msin_bcd(msin):
    digits = msin + ("f" if len(msin) % 2 else "")
    return bytes(int(digits[i + 1] + digits[i], 16) for i in range(0, len(digits), 2))


def conceal_b(point, msin, compressed=True):
    key = ec.generate_private_key(protocol.CURVE)
    ephemeral = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    z = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(protocol.CURVE, point))
    sent = ephemeral if compressed else protocol.point(key.public_key())
    return sent + conceal(z, ephemeral, msin)


def conceal_a(point, msin):
    key = x25519.X25519PrivateKey.generate()
    ephemeral = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    z = key.exchange(x25519.X25519PublicKey.from_public_bytes(point))
    return ephemeral + conceal(z, ephemeral, msin)


def conceal(z, ephemeral, msin):
    keys = protocol.x963(z, ephemeral, 64)
    ciphertext = protocol.aes_ctr(keys[:16], keys[16:32], msin_bcd(msin))
    return ciphertext + hmac.new(keys[32:], ciphertext, hashlib.sha256).digest()[:8]
