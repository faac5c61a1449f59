"""A third-party ARPF (4.1 and 4.3) in Python that can be told to misbehave."""
import hashlib
import hmac
import http.server
import json
import threading
import time

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import credentials
import protocol


class FakeArpf(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ca = credentials.make_ci("ARPF CA")
        self.sign_holder = credentials.Holder("ARPF sign", self.ca, ca=False, usage=("digital_signature",))
        self.ecka_holder = credentials.Holder("ARPF ecka", self.ca, ca=False, usage=("key_agreement",))
        self.ecka = self.ecka_holder.certificate
        self.sign = self.sign_holder.certificate
        self.key_id = hashlib.sha256(protocol.spki(self.ecka.public_key())).digest()
        self.url = "http://127.0.0.1:%d" % self.server_address[1]
        self.devices = {}  # atk: Device
        self.twist = {}  # what the next answers do differently
        self.asked = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A connection that broke is no news here."""

    def certificate(self):
        return {"keyId": self.key_id.hex(), "certEcka": protocol.b64(self.ecka_holder.der),
                "certSign": protocol.b64(self.sign_holder.der), "chain": [protocol.b64(self.ca.der)],
                "suites": ["ecdsa-p256-sha256"]}

    def ek(self, body):
        atk = protocol.unb64(body["seCredentials"]["atk"])
        device = self.devices[atk]
        recipient = ec.EllipticCurvePublicKey.from_encoded_point(
            protocol.CURVE, protocol.unb64(body["recipientPublicKey"]))
        said = {"dimsi": device.dimsi, "seId": device.se_id, "ek": seal(recipient, device.ek),
                "endorsement": self.endorse(atk, device.dimsi, device.se_id)}
        said.update(self.twist.get("members", {}))
        return said

    def endorse(self, atk, dimsi, se_id):
        """As the third leaf of five."""
        issued_at = int(time.time())
        leaf = hashlib.sha256(b"\0" + protocol.endorsement_message(
            self.twist.get("endorsed atk", atk), dimsi, se_id, issued_at)).digest()
        leaves = [hashlib.sha256(bytes([i])).digest() for i in range(5)]
        leaves[2] = leaf
        pair = [node(leaves[0], leaves[1]), node(leaves[2], leaves[3])]
        root = node(node(*pair), leaves[4])
        signature = protocol.sign_raw(self.twist.get("signing key", self.sign_holder.key), protocol.transcript(
            "arpf batch signature v1", root, protocol.u32(5)))
        return {"suite": "ecdsa-p256-sha256", "signerId": hashlib.sha256(self.sign_holder.der).hexdigest(),
                "signature": protocol.b64(signature), "treeSize": 5, "leafIndex": 2,
                "path": [protocol.b64(leaves[3]), protocol.b64(pair[0]), protocol.b64(leaves[4])],
                "issuedAt": issued_at, **self.twist.get("endorsement", {})}


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def seal(recipient, ek):
    ephemeral = credentials.new_key()
    point = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    keys = protocol.x963(ephemeral.exchange(ec.ECDH(), recipient), point, 64)
    ciphertext = protocol.aes_ctr(keys[:16], keys[16:32], ek)
    return {"scheme": "ecies-p256", "ephemeralPublicKey": protocol.b64(point),
            "ciphertext": protocol.b64(ciphertext),
            "mac": protocol.b64(hmac.new(keys[32:], ciphertext, "sha256").digest())}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path != "/narpf-ek/v1/certificate":
            return self.answer(404, {"status": 404})
        return self.answer(self.server.twist.get("certificate status", 200), self.server.certificate())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        twist = self.server.twist
        self.server.asked += 1
        time.sleep(twist.get("slow", 0))
        if "raw" in twist:
            return self.send(twist.get("status", 200), twist["raw"])
        if "status" in twist:
            return self.answer(twist["status"], {"status": twist["status"], "cause": twist.get("cause", "X")})
        return self.answer(200, self.server.ek(json.loads(body)))

    def answer(self, status, said):
        self.send(status, json.dumps(said).encode())

    def send(self, status, body):
        try:
            self.send_response(status)
            self.send_header("Content-Type",
                             "application/json" if status < 300 else "application/problem+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass
