#!/usr/bin/python3
"""The independent client itself against published vectors, before it judges anybody."""
import hashlib
import hmac
import json
import os
import unittest

from cryptography.hazmat.primitives.asymmetric import ec

import credentials
import protocol
import world


def vectors(name):
    with open(os.path.join(world.TOP, "tests", "vectors", name)) as f:
        return json.load(f)["vectors"]


class Client(unittest.TestCase):
    def test_merkle(self):
        count = 0
        for v in vectors("merkle_rfc9162.json"):
            if v["op"] != "verify_inclusion":
                continue
            count += 1
            try:
                root = protocol.merkle_root(
                    bytes.fromhex(v["leaf_hash"]), int(v["leaf_index"]), int(v["tree_size"]),
                    [bytes.fromhex(p) for p in v["proof"]])
                good = root == bytes.fromhex(v["root"])
            except protocol.Wrong:
                good = False
            self.assertEqual(v["expect"] != "reject", good, v["id"])
        self.assertGreater(count, 50)

    def test_x963(self):
        for v in vectors("x963kdf.json"):
            self.assertEqual(v["key_data"], protocol.x963(
                bytes.fromhex(v["z"]), bytes.fromhex(v["shared_info"]), len(v["key_data"]) // 2).hex())

    def test_cmac(self):
        for v in vectors("aes_cmac.json"):
            mac = protocol.aes_cmac(bytes.fromhex(v["key"]), bytes.fromhex(v["msg"])).hex()
            self.assertEqual(v["tag"], mac[:len(v["tag"])])

    def test_ecies(self):
        v = next(v for v in vectors("ecies_suci.json") if v["profile"] == "Profile B" and "hn_priv" in v)
        z = bytes.fromhex(v["shared"])
        keys = protocol.x963(z, bytes.fromhex(v["eph_pub"]), 64).hex()
        self.assertEqual(v["enc_key"] + v["icb"] + v["mac_key"], keys)
        recipient = ec.derive_private_key(int(v["hn_priv"], 16), protocol.CURVE)
        ciphertext = bytes.fromhex(v["ciphertext"])
        mac = hmac.new(bytes.fromhex(v["mac_key"]), ciphertext, hashlib.sha256).digest()
        self.assertEqual(v["mac_tag"], mac[:8].hex())
        self.assertEqual(v["scheme_input"], protocol.open_ecies(recipient, {
            "scheme": "ecies-p256", "ephemeralPublicKey": protocol.b64(bytes.fromhex(v["eph_pub"])),
            "ciphertext": protocol.b64(ciphertext), "mac": protocol.b64(mac)}).hex())

    def test_expand(self):
        """RFC 5869 A.1"""
        prk = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
        info = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
        self.assertEqual("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
                         protocol.expand(prk, info, 42).hex())

    def test_bcd(self):
        self.assertEqual("00110000000000f1", protocol.bcd("001100000000001").hex())
        self.assertEqual("001100000000001", protocol.unbcd(protocol.bcd("001100000000001")))

    def test_cbor(self):
        """RFC 8949 appendix A"""
        for value, text in ((0, "00"), (23, "17"), (24, "1818"), (1000, "1903e8"), (-7, "26"), (-100, "3863"),
                            (b"\1\2\3\4", "4401020304"), ("IETF", "6449455446"), ([1, [2, 3]], "8201820203"),
                            ({1: 2, 3: 4}, "a201020304"), ("\u00fc", "62c3bc")):
            self.assertEqual(text, credentials.cbor(value).hex())

    def test_ue_opens_what_the_network_made(self):
        ek = bytes(range(32))
        rand, autn = protocol.initial_outputs(ek, "001990000000001", "001010000000001")
        self.assertEqual("001010000000001", protocol.open_initial(ek, "001990000000001", rand, autn))
        self.assertTrue(autn[6] & 0x80)
        for bad in ((rand, bytes(16)), (bytes(16), autn)):
            with self.assertRaises(protocol.Wrong):
                protocol.open_initial(ek, "001990000000001", *bad)


if __name__ == "__main__":
    world.main()
