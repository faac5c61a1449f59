#!/usr/bin/env python3
"""make bench: what the procedures cost, beside what they cannot cost less than.

Before each procedure its floors are measured (tests/bench/floors.c, and the token's own speed by
`arpfctl hsm probe`), then arpfload drives a server of its own, and the CPU time of arpfd, its arpf-keyd workers and its
PostgreSQL backends is read from /proc before and after. All in one run, on one machine, so that the
ratio means something where the absolute figures do not.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")


def run(*words, **more):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def fields(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()


def processes():
    """(pid, parent, CPU seconds of itself and of the children it has reaped) of all."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            f = fields(name)
        except (FileNotFoundError, ProcessLookupError):
            continue
        yield int(name), int(f[1]), sum(map(int, f[11:15])) / TICK


def family(root):
    """CPU seconds of a process and all that descend from it, by name of program."""
    every = list(processes())
    wanted, found = {root}, {}
    grew = True
    while grew:
        more = {pid for pid, parent, _ in every if parent in wanted} - wanted
        wanted |= more
        grew = bool(more)
    for pid, _, seconds in every:
        if pid in wanted:
            try:
                with open(f"/proc/{pid}/comm") as comm:
                    name = comm.read().strip()
            except (FileNotFoundError, ProcessLookupError):
                continue
            found[name] = found.get(name, 0) + seconds
    return found


def peak_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0


def floors(program):
    found = {}
    for line in run(program, "").splitlines():
        name, us = line.split()
        found[name] = float(us)
    probe = json.loads(run("arpfctl", "hsm", "probe", "--json"))
    found["token_agreement"] = float(probe["speed"]["ecdhUs"])
    return found


def print_floor(title, rows):
    total = sum(us for _, us in rows)
    print(f"\n{title}\nFloor: CPU microseconds a device")
    for name, us in rows:
        print(f"  {name:<56}{us:8.1f}")
    print(f"  {'sum':<56}{total:8.1f}")
    return total


def attach_floor(f):
    total = print_floor("Initial attach", [
        ("ECDSA verification of CERT.SE (OpenSSL, key reused)", f["ecdsa_verify"]),
        ("ECDSA verification of the ATK (the same)", f["ecdsa_verify"]),
        ("one agreement through the PKCS#11 module", f["token_agreement"]),
        ("KDFs, AES, CMAC, key wraps, hashes", f["kdf_and_aes"]),
        ("one database row in a batch of 256", f["database_row"]),
    ])
    saved = f["ecdsa_verify"] - f["ecdsa_verify_issuer_table"]
    print(f"  {'with the issuer table for CERT.SE':<56}{total - saved:8.1f}")
    return total, total - saved


IN_FLIGHT = 4096


def drive(procedure, fleet, first, devices, concurrency, verify, *more):
    report = f"{fleet}/run.json"
    run("arpfload", "run", "--procedure", procedure, "--fleet", fleet, "--first", str(first), "--devices",
        str(devices), "--concurrency", str(concurrency), "--verify", str(verify), "--json", report, *more)
    with open(report) as f:
        return json.load(f)


class Server:
    """Whose CPU time is counted: arpfd with its workers, and PostgreSQL."""

    def __init__(self, postmaster_file):
        self.arpfd = json.loads(run("arpfctl", "status", "--json"))["server"]["pid"]
        with open(postmaster_file) as f:
            self.postmaster = int(f.readline())

    def seconds(self):
        found = {}
        for root in (self.arpfd, self.postmaster):
            for name, seconds in family(root).items():
                found[name] = found.get(name, 0) + seconds
        return found

    def used(self, work):
        """What work() answers, and the CPU microseconds of each program meanwhile."""
        before = self.seconds()
        answer = work()
        after = self.seconds()
        return answer, {n: (s - before.get(n, 0)) * 1e6 for n, s in after.items()}


def print_use(devices, used, floor, detail):
    total = sum(used.values()) / devices
    print(f"\nUsed: CPU microseconds a device, {detail}")
    for name, us in sorted(used.items(), key=lambda item: -item[1]):
        if us / devices >= 0.1:
            print(f"  {name:<56}{us / devices:8.1f}")
    print(f"  {'sum':<56}{total:8.1f}")
    print(f"  {'ratio to the floor':<56}{total / floor:8.2f}")
    return total


def figures(report):
    return report.get("measured") or report["provisioning"]


def print_rate(report):
    phase = figures(report)
    latency = phase["latencyMs"]
    print(f"\nThroughput {phase['devicesPerSecond']:.0f} devices/s; latency p50 {latency['p50']:.1f} ms, "
          f"p99 {latency['p99']:.1f} ms; arpfload's own CPU {phase['ownCpuUsPerDevice']:.0f} us a device")
    print(f"errors: {report['errors'] or 'none'}; wrong answers: {report['wrongAnswers']}", flush=True)
    return report["wrongAnswers"]


def bench_attach(args, f, server):
    floor, table_floor = attach_floor(f)
    fleet = os.environ["ARPF_WORLD"] + "/fleet"
    run("arpfload", "fleet", "create", "--procedure", "initial-attach", "--devices",
        str(args.devices + 2 * IN_FLIGHT), "--out", fleet)
    run("arpfctl", "trust", "add", "--use", "se", f"{fleet}/ci.pem")
    more = ["--batch", str(args.batch)] if args.batch > 1 else []
    report, used = server.used(lambda: drive(
        "initial-attach", fleet, 0, args.devices, args.concurrency, args.verify, *more))
    memory = peak_mib(server.arpfd)
    drive("initial-attach", fleet, args.devices, 2 * IN_FLIGHT, IN_FLIGHT, args.verify)
    total = print_use(args.devices, used, floor, f"{args.devices} devices, concurrency {args.concurrency}, "
                      f"batch {args.batch}, {args.verify} % verified")
    print(f"  {'ratio to the floor with the issuer table':<56}{total / table_floor:8.2f}")
    print(f"\narpfd's peak memory {memory:.0f} MiB, {peak_mib(server.arpfd):.0f} MiB at {IN_FLIGHT} in flight")
    return print_rate(report)


def bench_import(args, f, server):
    """Subscribers from a file: lines a second, beside how many keys a second the module wraps."""
    fleet = os.environ["ARPF_WORLD"] + "/subscribers"
    lines = 5 * args.devices
    run("arpfload", "fleet", "create", "--procedure", "auth-data", "--devices", str(lines), "--out", fleet)
    start = time.monotonic()
    run("arpfctl", "subscriber", "import", f"{fleet}/subscribers.csv")
    seconds = time.monotonic() - start
    print(f"\nImport of {lines} subscribers: {lines / seconds:.0f} lines/s sealed and committed; the module wraps "
          f"{1e6 / f['token_wrap']:.0f} keys/s in one process", flush=True)
    return 0


def bench_auth_data(args, f, server):
    floor = print_floor("Authentication data", [
        ("one unwrap, two AES-ECB calls, one destroy in the token", f["token_unwrap_and_two_ecb"]),
        ("one SQN row in a batch of 256", f["database_update"]),
        ("one HTTP exchange", f["http_exchange"]),
    ])
    fleet = os.environ["ARPF_WORLD"] + "/subscribers"
    report, used = server.used(lambda: drive(
        "auth-data", fleet, 0, 5 * args.devices, args.concurrency, args.verify, "--order", "random"))
    print_use(5 * args.devices, used, floor,
              f"{5 * args.devices} requests for subscribers at random, concurrency {args.concurrency}")
    return print_rate(report)


def bench_companion(args, f, server, group, devices):
    floor = print_floor(f"Companion DH, {group}", [
        ("one generated key pair", f[f"{group}_pair"]),
        ("one agreement, the element checked", f[f"{group}_agreement"]),
        ("1/64 of an ECCSI signature", f["eccsi_sign"] / 64),
        ("one database row in a batch of 256", f["database_row"]),
    ])
    fleet = os.environ["ARPF_WORLD"] + "/dh-" + group
    run("arpfload", "fleet", "create", "--procedure", "companion-dh", "--group", group, "--devices",
        str(devices), "--out", fleet)
    half = devices // 2
    report, used = server.used(lambda: drive(
        "companion-dh", fleet, 0, half, args.concurrency, args.verify, "--no-confirmation"))
    print_use(half, used, floor, f"{half} devices, steps 3 to 8, concurrency {args.concurrency}")
    wrong = print_rate(report)
    report, used = server.used(lambda: drive(
        "companion-dh", fleet, half, half, args.concurrency, args.verify))
    print_use(half, used, floor, f"{half} devices, steps 3 to 12 in two requests, "
              f"concurrency {args.concurrency}")
    return wrong + print_rate(report)


BENCHES = {
    "initial-attach": bench_attach,
    "import": bench_import,
    "auth-data": bench_auth_data,
    "companion-dh": lambda a, f, s: bench_companion(a, f, s, "p256", 2 * a.devices),
    "companion-dh-ffdhe2048": lambda a, f, s: bench_companion(a, f, s, "ffdhe2048", a.devices // 5),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=20000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--verify", type=int, default=0)
    parser.add_argument("--only", action="append", choices=list(BENCHES), help="may be repeated; all unless given")
    parser.add_argument("--floors", required=True)
    parser.add_argument("--postmaster", required=True, help="the cluster's postmaster.pid")
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = args.only or list(BENCHES)
    if "auth-data" in wanted and "import" not in wanted:
        wanted.insert(0, "import")  # it brings the subscribers
    server, wrong = Server(args.postmaster), 0
    for name in BENCHES:
        if name in wanted:  # with the floors of the same minute: machines are not the same all day
            wrong += BENCHES[name](args, floors(args.floors), server)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
