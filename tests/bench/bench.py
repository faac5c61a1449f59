#!/usr/bin/env python3
"""make bench: what a device's initial attach costs, beside what it cannot cost less than.

The floors are measured first (tests/bench/floors.c, and the token's own speed by `arpfctl hsm probe`),
then arpfload drives a server of its own, and the CPU time of arpfd, its arpf-keyd workers and its
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


def print_floors(f):
    total = 2 * f["ecdsa_verify"] + f["token_agreement"] + f["kdf_and_aes"] + f["database_row"]
    rows = [
        ("ECDSA verification of CERT.SE (OpenSSL, key reused)", f["ecdsa_verify"]),
        ("ECDSA verification of the ATK (the same)", f["ecdsa_verify"]),
        ("one agreement through the PKCS#11 module", f["token_agreement"]),
        ("KDFs, AES, CMAC, key wraps, hashes", f["kdf_and_aes"]),
        ("one database row in a batch of 256", f["database_row"]),
    ]
    print("\nFloor: CPU microseconds a device")
    for name, us in rows:
        print(f"  {name:<56}{us:8.1f}")
    print(f"  {'sum':<56}{total:8.1f}")
    saved = f["ecdsa_verify"] - f["ecdsa_verify_issuer_table"]
    print(f"  {'with the issuer table for CERT.SE':<56}{total - saved:8.1f}")
    return total, total - saved


IN_FLIGHT = 4096


def drive(args, fleet, first, devices, concurrency, batch):
    report = f"{fleet}/run.json"
    words = ["arpfload", "run", "--procedure", "initial-attach", "--fleet", fleet, "--first", str(first),
             "--devices", str(devices), "--concurrency", str(concurrency), "--verify", str(args.verify),
             "--json", report]
    if batch > 1:
        words += ["--batch", str(batch)]
    run(*words)
    with open(report) as f:
        return json.load(f)


def measure(args):
    world = os.environ["ARPF_WORLD"]
    fleet = f"{world}/fleet"
    print(f"making {args.devices} devices", file=sys.stderr)
    run("arpfload", "fleet", "create", "--procedure", "initial-attach", "--devices",
        str(args.devices + 2 * IN_FLIGHT), "--out", fleet)
    run("arpfctl", "trust", "add", "--use", "se", f"{fleet}/ci.pem")
    status = json.loads(run("arpfctl", "status", "--json"))
    arpfd = status["server"]["pid"]
    with open(args.postmaster) as f:
        postmaster = int(f.readline())
    before = (family(arpfd), family(postmaster), time.monotonic())
    report = drive(args, fleet, 0, args.devices, args.concurrency, args.batch)
    after = (family(arpfd), family(postmaster), time.monotonic())
    used = {}
    for i in (0, 1):
        for name, seconds in after[i].items():
            used[name] = used.get(name, 0) + (seconds - before[i].get(name, 0)) * 1e6
    memory = peak_mib(arpfd)
    drive(args, fleet, args.devices, 2 * IN_FLIGHT, IN_FLIGHT, 1)
    return report, used, after[2] - before[2], (memory, peak_mib(arpfd))


def print_use(args, report, used, wall, memory, floor, table_floor):
    n = args.devices
    total = sum(used.values()) / n
    print(f"\nUsed: CPU microseconds a device, {n} devices, concurrency {args.concurrency}, "
          f"batch {args.batch}, {args.verify} % verified")
    for name, us in sorted(used.items(), key=lambda item: -item[1]):
        if us / n >= 0.1:
            print(f"  {name:<56}{us / n:8.1f}")
    print(f"  {'sum':<56}{total:8.1f}")
    print(f"  {'ratio to the floor':<56}{total / floor:8.2f}")
    print(f"  {'ratio to the floor with the issuer table':<56}{total / table_floor:8.2f}")
    phase = report["provisioning"]
    latency = phase["latencyMs"]
    print(f"\nThroughput {phase['devicesPerSecond']:.0f} devices/s durable; latency p50 {latency['p50']:.1f} ms, "
          f"p99 {latency['p99']:.1f} ms; arpfd's peak memory {memory[0]:.0f} MiB, {memory[1]:.0f} MiB at {IN_FLIGHT} in flight; arpfload's own CPU "
          f"{phase['ownCpuUsPerDevice']:.0f} us a device; wall {wall:.1f} s")
    print(f"errors: {report['errors'] or 'none'}; wrong answers: {report['wrongAnswers']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=20000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--verify", type=int, default=0)
    parser.add_argument("--floors", required=True)
    parser.add_argument("--postmaster", required=True, help="the cluster's postmaster.pid")
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    floor, table_floor = print_floors(floors(args.floors))
    report, used, wall, memory = measure(args)
    print_use(args, report, used, wall, memory, floor, table_floor)
    return 1 if report["wrongAnswers"] else 0


if __name__ == "__main__":
    sys.exit(main())
