"""The protocol page's arithmetic, written from the page alone: an independent other end.

Nothing here is shared with the project's C code, so that a mistake there does not agree with itself.
"""
import base64
import hashlib
import hmac
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import cmac, hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
CTV = b"ARPF-CTV"


class Wrong(Exception):
    """The server's answer is not what the page says."""


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    return base64.b64decode(text, validate=True)


# ---- section 1: transcript and key derivation


def transcript(label, *fields):
    out = label.encode() + b"\0"
    for field in fields:
        data = field.encode() if isinstance(field, str) else field
        out += struct.pack(">H", len(data)) + data
    return out


def u32(n):
    return struct.pack(">I", n)


def u64(n):
    return struct.pack(">Q", n)


def x963(z, shared_info, length):
    out, counter = b"", 1
    while len(out) < length:
        out += hashlib.sha256(z + u32(counter) + shared_info).digest()
        counter += 1
    return out[:length]


def expand(prk, info, length):
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([counter]), "sha256").digest()
        out += block
        counter += 1
    return out[:length]


def bcd(imsi):
    digits = imsi + "f"
    return bytes(int(digits[i + 1] + digits[i], 16) for i in range(0, 16, 2))


def unbcd(data):
    digits = "".join("%x%x" % (octet & 15, octet >> 4) for octet in data)
    if digits[15] != "f" or not digits[:15].isdigit():
        raise Wrong("no IMSI in " + data.hex())
    return digits[:15]


# ---- primitives


def point(public_key):
    return public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def spki(public_key):
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def aes_ecb(key, block, decrypt=False):
    cipher = Cipher(algorithms.AES(key), modes.ECB())
    op = cipher.decryptor() if decrypt else cipher.encryptor()
    return op.update(block) + op.finalize()


def aes_cmac(key, data):
    mac = cmac.CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()


def aes_ctr(key, first, data):
    op = Cipher(algorithms.AES(key), modes.CTR(first)).encryptor()
    return op.update(data) + op.finalize()


def sign_raw(key, message):
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify_raw(public_key, signature, message):
    if len(signature) != 64:
        raise Wrong("a signature of %d bytes" % len(signature))
    der = utils.encode_dss_signature(
        int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        public_key.verify(der, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Wrong("a signature does not verify") from None


# ---- section 3: batch signatures


def merkle_root(leaf, index, size, path):
    """RFC 9162 section 2.1.3.2, as far as the root."""
    if len(leaf) != 32 or not 0 <= index < size:
        raise Wrong("leaf %d of %d" % (index, size))
    fn, sn, r = index, size - 1, leaf
    for sibling in path:
        if sn == 0 or len(sibling) != 32:
            raise Wrong("the path is too long")
        if fn & 1 or fn == sn:
            r = hashlib.sha256(b"\1" + sibling + r).digest()
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = hashlib.sha256(b"\1" + r + sibling).digest()
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise Wrong("the path is too short")
    return r


def check_batch_signature(signature, message, certificate, largest_tree=64):
    """certificate: the signer's, as x509.Certificate."""
    der = certificate.public_bytes(Encoding.DER)
    if signature["suite"] != "ecdsa-p256-sha256":
        raise Wrong("suite " + signature["suite"])
    if signature["signerId"] != hashlib.sha256(der).hexdigest():
        raise Wrong("another signerId")
    if signature["treeSize"] > largest_tree:
        raise Wrong("a tree of %d" % signature["treeSize"])
    root = merkle_root(hashlib.sha256(b"\0" + message).digest(), signature["leafIndex"],
                       signature["treeSize"], [unb64(p) for p in signature["path"]])
    verify_raw(certificate.public_key(), unb64(signature["signature"]),
               transcript("arpf batch signature v1", root, u32(signature["treeSize"])))


# ---- section 4


def derive_ek(shs, dimsi, se_point, key_id):
    return x963(shs, transcript("arpf ek v1", bcd(dimsi), se_point, key_id), 32)


def ek_keys(ek, dimsi):
    """eKc, eKi, eKa, eOPc"""
    out = expand(ek, transcript("arpf ek keys v1", bcd(dimsi)), 64)
    return out[:16], out[16:32], out[32:48], out[48:]


def initial_outputs(ek, dimsi, imsi):
    """RAND and AUTN."""
    ekc, eki, _, _ = ek_keys(ek, dimsi)
    plain = bcd(imsi) + CTV
    autn = bytearray(aes_cmac(eki, plain))
    autn[6] |= 0x80
    return aes_ecb(ekc, plain), bytes(autn)


def open_initial(ek, dimsi, rand, autn):
    """Step 7, in the UE: the IMSI."""
    ekc, eki, _, _ = ek_keys(ek, dimsi)
    plain = aes_ecb(ekc, rand, decrypt=True)
    mac = bytearray(aes_cmac(eki, plain))
    mac[6] |= 0x80
    if not hmac.compare_digest(bytes(mac), autn):
        raise Wrong("AUTN is not the MAC of what RAND holds")
    if plain[8:] != CTV:
        raise Wrong("no CTV in RAND")
    return unbcd(plain[:8])


def open_ecies(recipient, sealed):
    """ECIES Profile B of TS 33.501 C.3.4.2 with the whole tag; recipient: the private key."""
    if sealed["scheme"] != "ecies-p256":
        raise Wrong("scheme " + sealed["scheme"])
    ephemeral = unb64(sealed["ephemeralPublicKey"])
    if len(ephemeral) != 33:
        raise Wrong("an ephemeral key of %d bytes" % len(ephemeral))
    z = recipient.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, ephemeral))
    keys = x963(z, ephemeral, 64)
    ciphertext = unb64(sealed["ciphertext"])
    if not hmac.compare_digest(hmac.new(keys[32:], ciphertext, "sha256").digest(),
                               unb64(sealed["mac"])):
        raise Wrong("the MAC of the sealed eK")
    return aes_ctr(keys[:16], keys[16:32], ciphertext)


def endorsement_message(atk, dimsi, se_id, issued_at):
    return transcript("arpf endorsement v1", hashlib.sha256(atk).digest(), dimsi, se_id, u64(issued_at))
