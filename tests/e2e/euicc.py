"""eUICCs and their makers, and the device's end of sections 9 and 10 of docs/protocol.md, from the page alone."""
import hmac
import itertools
import json
import os
import random
import threading
import time

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

import credentials
import protocol
from protocol import Wrong, b64, transcript, unb64
from usim import Usim

ATTACHES = "/ncp-attach/v1/attach-requests"
SESSIONS = "/ncp-attach/v1/pdu-sessions"
DOWNLOADS = "/nsmdp-profile/v1/downloads"
RSP_ROLE = "2.23.146.1.2.1.%d"  # SGP.22: 1 eUICC, 2 EUM


def eid_of(digits):
    """The first 30 digits with their two check digits (ISO/IEC 7064 MOD 97-10)."""
    if len(digits) != 30:
        raise ValueError(digits)
    return "%s%02d" % (digits, 98 - int(digits) * 100 % 97)


class Certified:
    """A key with a certificate; attributes: of its subject, as pairs of OID and text."""

    def __init__(self, attributes, issuer=None, *, ca, usage, days=(-1, 365), key=None, role=None,
                 constraints=None, signing_key=None):
        self.key = key or credentials.new_key()
        self.name = x509.Name([x509.NameAttribute(oid, text) for oid, text in attributes])
        above = issuer.key if issuer else self.key
        builder = (x509.CertificateBuilder().subject_name(self.name)
                   .issuer_name(issuer.name if issuer else self.name)
                   .public_key(self.key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(credentials.from_now(days[0]))
                   .not_valid_after(credentials.from_now(days[1]))
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                       above.public_key()), critical=False)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()),
                                  critical=False)
                   .add_extension(x509.KeyUsage(
                       **{u: u in usage for u in credentials.USAGES}), critical=True))
        if ca:
            builder = builder.add_extension(
                x509.BasicConstraints(ca=True, path_length=0 if issuer else None), critical=True)
        if role:
            builder = builder.add_extension(x509.CertificatePolicies([x509.PolicyInformation(
                x509.ObjectIdentifier(RSP_ROLE % role), None)]), critical=True)
        if constraints:
            name = x509.Name([x509.NameAttribute(oid, text) for oid, text in constraints])
            builder = builder.add_extension(x509.NameConstraints(
                permitted_subtrees=[x509.DirectoryName(name)], excluded_subtrees=None), critical=True)
        self.certificate = builder.sign(signing_key or above, hashes.SHA256())
        self.der = self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self):
        return self.certificate.public_bytes(Encoding.PEM)


class Maker:
    """A CI, and an EUM below it whose certificate is constrained to its EIN (None: not constrained)."""

    eins = itertools.count(random.randrange(10 ** 6, 9 * 10 ** 6))

    def __init__(self, name="Chips", ein="", ci=None, **changes):
        self.ein = "8%07d" % next(Maker.eins) if ein == "" else ein
        self.organization = name + " Ltd"
        self.ci = ci or Certified([(NameOID.COMMON_NAME, name + " CI")], ca=True,
                                  usage=("key_cert_sign", "crl_sign"))
        self.eum = Certified(
            [(NameOID.ORGANIZATION_NAME, self.organization), (NameOID.COMMON_NAME, name + " EUM")],
            self.ci, **{"ca": True, "usage": ("key_cert_sign",), "role": 2,
                        "constraints": [(NameOID.ORGANIZATION_NAME, self.organization),
                                        (NameOID.SERIAL_NUMBER, self.ein)] if self.ein else None,
                        **changes})

    def euicc(self, eid=None, **changes):
        return Euicc(self, eid or eid_of((self.ein or "89") + "".join(
            random.choice("0123456789") for _ in range(30 - len(self.ein or "89")))), **changes)


class Euicc:
    """chain: the device's certificate first; signs with key."""

    def __init__(self, maker, eid, subject_eid=None, organization=None, issuer=None, **changes):
        self.eid, self.subject = eid, eid
        self.holder = Certified(
            [(NameOID.ORGANIZATION_NAME, organization or maker.organization),
             (NameOID.SERIAL_NUMBER, subject_eid or eid)], issuer or maker.eum,
            **{"ca": False, "usage": ("digital_signature",), "role": 1, **changes})
        self.key, self.chain = self.holder.key, [self.holder.der, maker.eum.der]


class Element:
    """A Secure Element of section 4 that was attached: the subject is its SUPI."""

    def __init__(self, device, supi):
        self.subject, self.key, self.holder = supi, device.se.key, device.se
        self.chain = [device.se.der, device.pn.der]


def hkdf(salt, ikm, info, length):
    return protocol.expand(hmac.new(salt, ikm, "sha256").digest(), info, length)


def check_chain(chain):
    """Each one certified by the next."""
    for below, above in zip(chain, chain[1:]):
        try:
            above.public_key().verify(below.signature, below.tbs_certificate_bytes,
                                      ec.ECDSA(below.signature_hash_algorithm))
        except InvalidSignature:
            raise Wrong("a certificate that is not its issuer's") from None


class Exchange:
    """What both ends have said; labels, the identifier's name and its size are those of the kind."""

    def __init__(self, kind, subject, device_nonce, said):
        self.kind, self.subject, self.device_nonce = kind, subject, device_nonce
        self.id = said["attachId" if kind == "attach" else "downloadId"]
        if len(bytes.fromhex(self.id)) != 16 or self.id != self.id.lower():
            raise Wrong("the identifier " + self.id)
        self.server_nonce = unb64(said["serverNonce"])
        self.server_point = unb64(said["ephemeralPublicKey"])
        if (len(self.server_nonce), len(self.server_point)) != (16, 65):
            raise Wrong("sizes")
        self.server = ec.EllipticCurvePublicKey.from_encoded_point(protocol.CURVE, self.server_point)
        self.certificates = [x509.load_der_x509_certificate(unb64(c)) for c in said["certificateChain"]]
        check_chain(self.certificates)
        protocol.check_batch_signature(said["signature"], transcript(
            "arpf %s server v1" % kind, self.id, subject, device_nonce, self.server_nonce,
            self.server_point), self.certificates[0])
        self.tree_size = said["signature"]["treeSize"]
        self.renew()

    def renew(self):
        """Another ephemeral key of the device's."""
        self.ephemeral = credentials.new_key()
        self.point = protocol.point(self.ephemeral.public_key())

    def signed(self, point=None):
        return transcript("arpf attach ue v1" if self.kind == "attach" else "arpf dp device v1",
                          self.id, self.subject, self.server_nonce, self.device_nonce,
                          self.server_point, point or self.point)

    def answer(self, device, **changes):
        """The request of 9.2 or 10.2. changes: chain, point, key, signed, or any member as it goes out."""
        point = changes.pop("point", self.point)
        body = {"certificateChain": [b64(c) for c in changes.pop("chain", device.chain)],
                "ephemeralPublicKey": b64(point),
                "signature": b64(protocol.sign_raw(changes.pop("key", device.key),
                                                   changes.pop("signed", self.signed(point))))}
        body.update(changes)
        return {name: value for name, value in body.items() if value is not None}

    def keys(self, label, length):
        return hkdf(self.server_nonce + self.device_nonce, self.ephemeral.exchange(ec.ECDH(), self.server),
                    transcript(label, self.id, self.subject), length)


# ---- section 9


def ask_attach(world, subject, nonce=None, **changes):
    body = {"attachType": "REMOTE_PROVISIONING", "eid": subject, "ueNonce": b64(nonce or os.urandom(16)),
            **changes}
    return world.request("POST", ATTACHES, {k: v for k, v in body.items() if v is not None})


def begin_attach(world, device):
    nonce = os.urandom(16)
    answer = ask_attach(world, device.subject, nonce)
    if answer.status != 201:
        raise Wrong(repr(answer))
    return Exchange("attach", device.subject, nonce, answer.json)


def authenticate(world, exchange, body):
    return world.request("POST", "%s/%s/authentication" % (ATTACHES, exchange.id), body)


def accept(exchange, said):
    """Step 3, in the device: the network's MAC. Returns the session's identifier."""
    session = said["pduSession"]
    if set(session) != {"id", "dnn", "allowedDestinations", "expiresAt"}:
        raise Wrong("the session's members")
    if len(bytes.fromhex(session["id"])) != 16:
        raise Wrong("the session's identifier")
    ks = exchange.keys("arpf attach keys v1", 32)
    mac = hmac.new(ks, transcript(
        "arpf attach accept v1", exchange.id, session["id"], session["dnn"],
        said["provisioningServer"], protocol.u64(session["expiresAt"])), "sha256").digest()
    if not hmac.compare_digest(mac, unb64(said["mac"])):
        raise Wrong("the MAC of the accepted attach")
    return session["id"]


def attach(world, device):
    """Steps 1 to 4. Returns exchange and session."""
    exchange = begin_attach(world, device)
    answer = authenticate(world, exchange, exchange.answer(device))
    if answer.status != 200:
        raise Wrong(repr(answer))
    return exchange, accept(exchange, answer.json)


# ---- section 10


def ask_download(world, device, nonce=None, **changes):
    member = "supi" if device.subject.startswith("imsi-") else "eid"
    body = {member: device.subject, "deviceNonce": b64(nonce or os.urandom(16)), **changes}
    return world.request("POST", DOWNLOADS, {k: v for k, v in body.items() if v is not None})


def begin_download(world, device, **changes):
    nonce = os.urandom(16)
    answer = ask_download(world, device, nonce, **changes)
    if answer.status != 201:
        raise Wrong(repr(answer))
    return Exchange("dp", device.subject, nonce, answer.json)


def ask_profile(world, exchange, body):
    return world.request("POST", "%s/%s/bound-profile" % (DOWNLOADS, exchange.id), body)


def open_profile(exchange, said):
    """The profile's JSON; Kn is kept for the notification."""
    bound = said["boundProfile"]
    keys = exchange.keys("arpf dp keys v1", 64)
    iv = unb64(bound["iv"])
    if len(iv) != 12:
        raise Wrong("the iv")
    exchange.kn = keys[32:]
    try:
        raw = AESGCM(keys[:32]).decrypt(iv, unb64(bound["ciphertext"]), transcript(
            "arpf dp profile v1", exchange.id, exchange.subject))
    except InvalidTag:
        raise Wrong("the bound profile does not open") from None
    profile = json.loads(raw.decode())
    wanted = {"version", "supi", "k", "opc", "networkIdentity", "issuedAt", "notAfter"}
    if set(profile) != wanted or profile["version"] != 1:
        raise Wrong("the profile's members: %s" % sorted(profile))
    if set(profile["networkIdentity"]) != {"mcc", "mnc", "name"}:
        raise Wrong("networkIdentity")
    for name in ("issuedAt", "notAfter"):
        time.strptime(profile[name], "%Y-%m-%dT%H:%M:%SZ")
    return profile


def install(profile):
    k, opc = bytes.fromhex(profile["k"]), bytes.fromhex(profile["opc"])
    if (len(k), len(opc)) != (16, 16):
        raise Wrong("the keys' sizes")
    return Usim(profile["supi"], k, opc)


def notify(world, exchange, result="INSTALLED", mac=None):
    right = hmac.new(exchange.kn, transcript("arpf dp notification v1", exchange.id, result),
                     "sha256").digest()
    return world.request("POST", "%s/%s/notification" % (DOWNLOADS, exchange.id), {
        "result": result, "mac": b64(right if mac is None else mac)})


# ---- for tests


def at_once(jobs):
    """What the jobs returned, run at the same time."""
    out = [None] * len(jobs)

    def run(i):
        out[i] = jobs[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(jobs))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return out


def revoke(w, issuer, holder):
    path = w.path("issuer.pem")
    with open(path, "wb") as f:
        f.write(issuer.pem)
    w.run("arpfctl", "revoke", "certificate", "--issuer", path,
          "--serial", "%x" % holder.certificate.serial_number)
