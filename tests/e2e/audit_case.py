"""The audit trail as another reads it: an event's leaf, a tree's root, the chain and what is signed of it."""
import hashlib
import json

import world
from protocol import transcript, u32, u64

EVENTS = ("xid", "number", "at_ms", "action", "outcome", "subject", "related", "actor", "detail")
TREES = ("number", "from_xid", "to_xid", "count", "sealed_at", "root", "chain", "signer_id", "signature", "tree_size",
         "leaf_index", "path")


def leaf(event):
    values = dict(zip(EVENTS, event))
    fields = [u64(int(values[name])) for name in ("xid", "number", "at_ms")]
    fields += [u32(int(values[name])) for name in ("action", "outcome")]
    fields += [u64(int(values[name])) for name in ("subject", "related")]
    fields += [values[name].encode() for name in ("actor", "detail")]
    return hashlib.sha256(b"\0" + transcript("arpf audit event v1", *fields)).digest()


def root_of(leaves):
    """RFC 9162 section 2.1.1."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


def chain_of(tree, previous):
    return hashlib.sha256(transcript(
        "arpf audit chain v1", u64(tree["number"]), previous, tree["root"], u64(tree["count"]), u64(tree["from_xid"]),
        u64(tree["to_xid"]), u64(tree["sealed_at"]))).digest()


def signed_string(chain):
    """Of a batch of one leaf."""
    only = hashlib.sha256(b"\0" + transcript("arpf audit root v1", chain)).digest()
    return transcript("arpf batch signature v1", only, u32(1))


class AuditCase(world.WorldCase):
    def verify(self, *options, status=0):
        done = self.world.run("arpfctl", "audit", "verify", "--json", *options, check=False)
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def wait_for_seal(self):
        """Of all that has happened."""
        last = int(self.world.sql("SELECT coalesce(max(xid), 0) FROM audit_events")[0][0])
        world.wait_until(lambda: int(self.world.sql("SELECT coalesce(max(to_xid), 0) FROM audit_trees")[0][0]) > last,
                         20, "all is sealed")
        number = int(self.world.sql("SELECT max(number) FROM audit_trees")[0][0])
        world.wait_until(lambda: self.root_file()["number"] >= number, 10, "the root is written")

    def metric(self, name, server=None):
        lines = (server or self.world).request("GET", "/metrics").body.decode().splitlines()
        return int([line.split()[1] for line in lines if line.startswith(name + " ")][0])

    def root_file(self, name="audit.root"):
        try:
            with open(self.world.path(name)) as f:
                lines = f.read().splitlines()[1:]
            return {name: int(value) if value.isdigit() and len(value) < 20 else value
                    for name, _, value in (line.partition(" ") for line in lines)}
        except OSError:
            return {"number": 0}

    def trees(self):
        rows = self.world.sql("SELECT number, from_xid, to_xid, count, sealed_at, encode(root, 'hex'),"
                              " encode(chain, 'hex'), encode(signer_id, 'hex'), encode(signature, 'hex'), tree_size,"
                              " leaf_index, encode(path, 'hex') FROM audit_trees ORDER BY number")
        hexes = ("root", "chain", "signer_id", "signature", "path")
        return [{name: bytes.fromhex(v) if name in hexes else int(v) for name, v in zip(TREES, row)} for row in rows]

    def actions(self, since=0):
        """Events newer than that transaction, oldest first, as the server lists them."""
        items, before = [], ""
        while True:
            page = self.world.request("GET", "/admin/v1/audit/events?limit=100" + before).json
            items += page["items"]
            if page["next"] is None:
                break
            before = "&before=" + page["next"]
        return [e for e in reversed(items) if int(e["id"].split(".")[0]) > since]

    def now(self):
        return int(self.world.sql("SELECT coalesce(max(xid), 0) FROM audit_events")[0][0])
