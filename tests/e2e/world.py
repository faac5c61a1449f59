"""A server of one's own for a test: deploy/embedded/up.sh in a folder of its own, on a free port."""
import atexit
import glob
import http.client
import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
import unittest

import credentials
import protocol
from cryptography import x509

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
EMBEDDED = os.path.join(TOP, "deploy", "embedded")
FOLDER = os.environ.get("TEST_FOLDER") or tempfile.mkdtemp(prefix="arpf-test.")
atexit.register(lambda: os.path.isdir(FOLDER) and not os.listdir(FOLDER) and os.rmdir(FOLDER))
BUILD = os.environ.get("BUILD", "build")
IS_SANITIZED = bool(re.search("address|thread|undefined", os.path.basename(BUILD)))
# What sanitizers and asserts leave in a log.
UNWANTED = ("Sanitizer", "runtime error:", "Assertion ", "outcome=BROKEN")


# The time that is given to requests and to keys, unless a test is about it: no slow machine comes to its end.
PATIENT = {"server.deadline_ms": 60000, "hsm.key_timeout_ms": 20000}
PATIENCE_S = 120


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %s" % (self.status, self.body[:600].decode(errors="replace"))


class Arpf:
    """What 4.1 says of a server, checked."""

    def __init__(self, world, answer):
        said = answer.json
        self.ecka = x509.load_der_x509_certificate(protocol.unb64(said["certEcka"]))
        self.sign = x509.load_der_x509_certificate(protocol.unb64(said["certSign"]))
        self.chain = [x509.load_der_x509_certificate(protocol.unb64(c)) for c in said["chain"]]
        self.key_id = bytes.fromhex(said["keyId"])
        self.said = said
        self.world = world


class World:
    """settings: {"section.name": value}; runner: what arpfd is started under; tls: 1 for mutual TLS."""

    def __init__(self, name, settings=None, runner="", build=BUILD, tls=""):
        self.folder = os.path.join(FOLDER, name)
        os.makedirs(self.folder, exist_ok=True)
        self.set(settings or {})
        self.environment = {**os.environ, "ARPF_WORLD": self.folder, "ARPF_PORT": "free",
                            "ARPF_BUILD": build, "ARPF_RUNNER": runner, "ARPF_TLS": tls}
        self.start()

    def set(self, settings):
        with open(os.path.join(self.folder, "settings"), "w") as f:
            f.writelines("%s = %s\n" % item for item in {**PATIENT, **settings}.items())

    # ---- the whole and its parts

    def start(self):
        self.script("up.sh")
        read = subprocess.run(["bash", "-c", '. "$1" && env -0', "bash", self.path("env")],
                              env=self.environment, capture_output=True, check=True)
        for setting in read.stdout.decode().rstrip("\0").split("\0"):
            name, value = setting.split("=", 1)
            self.environment[name] = value
        self.url = self.environment["ARPF_URL"]
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self):
        self.script("down.sh")

    def end(self):
        """Stops it, removes it, and complains of what its log should not hold."""
        self.stop()
        log = self.log()
        if not os.environ.get("TEST_KEEP"):
            self.script("down.sh", "--purge")
        for sign in UNWANTED:
            if sign in log:
                at = log.index(sign)
                raise AssertionError("the server's log: " + log[max(0, at - 500):at + 5000])

    def script(self, name, *arguments):
        done = subprocess.run([os.path.join(EMBEDDED, name), *arguments], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise RuntimeError("%s: %s%s" % (name, done.stdout, done.stderr))
        if "killing it" in done.stderr:
            raise AssertionError(done.stderr + self.log()[-2000:])

    def path(self, name):
        return os.path.join(self.folder, name)

    def program(self, name):
        build = self.environment["ARPF_BUILD"]
        return os.path.join(TOP, build, "bin", name)

    def run(self, program, *arguments, check=True, timeout=300, **options):
        done = subprocess.run([self.program(program), *arguments], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout, **options)
        if check and done.returncode != 0:
            raise RuntimeError("%s %s: exit %d: %s%s" % (
                program, " ".join(arguments), done.returncode, done.stdout, done.stderr))
        return done

    def begin(self, program, *arguments):
        return subprocess.Popen([self.program(program), *arguments], env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def log(self):
        try:
            with open(self.path("arpfd.log"), errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    # ---- processes

    def arpfd_pid(self):
        with open(self.path("arpfd.pid")) as f:
            return int(f.read())

    def worker_pids(self):
        """The arpf-keyd processes of this world's arpfd."""
        children = []
        for path in glob.glob("/proc/%d/task/*/children" % self.arpfd_pid()):
            with open(path) as f:
                children += [int(pid) for pid in f.read().split()]
        return [pid for pid in children if process_name(pid) == "arpf-keyd"]

    def settled_worker_pids(self):
        """Those that have logged in: SoftHSM rewrites its token's file at a login, and whoever is killed then
        leaves it empty."""
        status = json.loads(self.run("arpfctl", "status", "--json").stdout)
        ready = {w["pid"] for w in status["hsm"]["workers"] if w["ready"]}
        return [pid for pid in self.worker_pids() if pid in ready]

    def kill_arpfd(self, sig=signal.SIGKILL):
        pid = self.arpfd_pid()
        os.kill(pid, sig)
        wait_until(lambda: not is_alive(pid), 60, "arpfd ends")

    # ---- database

    def sql(self, text):
        """Rows of texts."""
        done = subprocess.run(["psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", text],
                              env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def postgres(self, verb, *options):
        """pg_ctl in the world's own words: stop or start."""
        script = (". %s/world.sh; open_world; find_postgres_folder; find_postgres_programs; %s"
                  % (shlex.quote(EMBEDDED), verb))
        done = subprocess.run(["bash", "-euc", script, "bash", *options], env=self.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)

    def stop_postgres(self, mode="fast"):
        self.postgres('as_postgres "$postgres_bin/pg_ctl" stop -s -w -m %s -D "$postgres/data"' % mode)

    def start_postgres(self):
        self.postgres("start_postgres")

    # ---- HTTP

    def connection(self, timeout=PATIENCE_S):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None, connection=None, timeout=PATIENCE_S):
        """body: bytes as they are, anything else as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        c = connection or self.connection(timeout)
        try:
            try:
                c.request(method, path, body, headers)
            except BrokenPipeError:
                pass  # it has answered before it had heard all, and closed
            r = c.getresponse()
            return Answer(r.status, r.headers, r.read())
        finally:
            if connection is None:
                c.close()

    def arpf(self):
        return Arpf(self, self.request("GET", "/narpf-ek/v1/certificate"))

    def trust(self, holder, use="se"):
        path = self.path("anchor.pem")
        with open(path, "wb") as f:
            f.write(holder.pem)
        self.run("arpfctl", "trust", "add", "--use", use, path)

    def attach(self, device, **more):
        return self.request("POST", "/nausf-initial-attach/v1/contexts",
                            {"seCredentials": device.credentials(), **more})

    def authenticate(self, dimsi):
        """Steps 4 and 5."""
        return self.request(
            "POST", "/ndausf-auth/v1/%s/security-information/generate-auth-data" % dimsi,
            {"servingNetworkName": "5G:mnc001.mcc001.3gppnetwork.org"})


class Issuer:
    """A CI that a world trusts and a PN under it, with devices of numbers that no other one gives out."""

    made = 1

    def __init__(self, world, plmn="00199"):
        self.world, self.plmn, self.count = world, plmn, Issuer.made * 1000000
        Issuer.made += 1
        self.ci = credentials.make_ci()
        self.pn = credentials.make_pn(self.ci)
        world.trust(self.ci)

    def device(self, arpf=None, **changes):
        """With a token where arpf is given."""
        self.count += 1
        device = credentials.Device(
            self.pn, self.ci, self.plmn + "%0*d" % (15 - len(self.plmn), self.count), **changes)
        if arpf is not None:
            device.make_token(arpf)
        return device


class WorldCase(unittest.TestCase):
    """Cases on a running world. Classes without settings share the module's one, unless they are rough to it."""

    settings = {}
    is_rough = False
    shared = None
    world = None

    @classmethod
    def setUpClass(cls):
        if cls.settings or cls.is_rough:
            cls.world = World(cls.__name__, cls.settings)
            cls.addClassCleanup(cls.world.end)
        else:
            WorldCase.shared = WorldCase.shared or World("shared")
            cls.world = WorldCase.shared
        cls.issuer = Issuer(cls.world)
        cls.arpf = cls.world.arpf()

    def assert_problem(self, answer, status, cause, param=None):
        """A whole problem of section 1."""
        self.assertEqual((status, cause), (answer.status, self.cause_of(answer)), answer)
        self.assertEqual("application/problem+json", answer.headers.get_content_type())
        said = answer.json
        self.assertEqual(status, said["status"])
        for member in ("type", "title"):
            self.assertIsInstance(said[member], str, said)
        for member in ("detail", "instance"):
            self.assertIsInstance(said.get(member, ""), str, said)
        if status == 503:
            self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        if param is not None:
            named = [p["param"].rsplit(".")[-1] for p in said.get("invalidParams", [])]
            self.assertIn(param, named, said)
            self.assertTrue(all(p["reason"] for p in said["invalidParams"]), said)

    @staticmethod
    def cause_of(answer):
        try:
            return answer.json.get("cause")
        except ValueError:
            return None

    def assert_attached(self, device, answer, status=201, arpf=None):
        """The answer of 4.4, its endorsement, and steps 4 to 7. Returns the SUPI."""
        arpf = arpf or self.arpf
        self.assertEqual(status, answer.status, answer)
        return self.check_context(device, answer.json, arpf)

    def check_context(self, device, said, arpf, authenticator=None):
        self.assertEqual((device.dimsi, device.se_id), (said["dimsi"], said["seId"]))
        check_endorsement(device, said["endorsement"], arpf)
        self.assertRegex(said["supi"], r"^imsi-\d{15}$")
        vector = (authenticator or self.world).authenticate(device.dimsi)
        self.assertEqual(200, vector.status, vector)
        self.assertEqual("INITIAL_ATTACH", vector.json["authType"])
        rand, autn = bytes.fromhex(vector.json["rand"]), bytes.fromhex(vector.json["autn"])
        self.assertEqual(said["supi"], "imsi-" + protocol.open_initial(device.ek, device.dimsi, rand, autn))
        self.assertEqual((rand, autn), protocol.initial_outputs(device.ek, device.dimsi, said["supi"][5:]))
        return said["supi"]


def check_endorsement(device, endorsement, arpf):
    issued_at = endorsement["issuedAt"]
    if abs(issued_at - time.time()) > 600:
        raise protocol.Wrong("endorsed at %d" % issued_at)
    protocol.check_batch_signature(
        endorsement,
        protocol.endorsement_message(device.atk, device.dimsi, device.se_id, issued_at), arpf.sign)


def process_name(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[0].split("(", 1)[1]
    except OSError:
        return ""


def is_alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(true, seconds, what):
    """For a minute at the least: a machine may be busy with other things."""
    seconds = max(seconds, 60)
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError("not within %d s: %s" % (seconds, what))
        time.sleep(0.05)


class CountedResult(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.show_log(test)

    def addError(self, test, err):
        super().addError(test, err)
        self.show_log(test)

    def show_log(self, test):
        """The server's last words, beside the failure."""
        if getattr(test, "world", None) is not None:
            self.stream.writeln("the server's log ends:\n" + "\n".join(test.world.log().splitlines()[-15:]))


def main():
    """Runs the calling module's cases; the last line is what tests/run.sh counts."""
    runner = unittest.TextTestRunner(verbosity=2, resultclass=CountedResult)
    result = unittest.main(module="__main__", exit=False, testRunner=runner).result
    failed = len(result.failures) + len(result.errors)
    if WorldCase.shared is not None:
        try:
            WorldCase.shared.end()
        except (AssertionError, RuntimeError, OSError) as e:
            print(e)
            failed += 1
    print("%d passed, %d failed, %d skipped" % (result.passed, failed, len(result.skipped)), flush=True)
    raise SystemExit(0 if failed == 0 else 1)
