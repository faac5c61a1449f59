"""What the benches share: processes' CPU time from /proc, floors, arpfload, and how figures are told."""
import json
import os
import subprocess

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
    found["token_sign"] = float(probe["speed"]["signUs"])
    return found


def print_floor(title, rows):
    total = sum(us for _, us in rows)
    print(f"\n{title}\nFloor: CPU microseconds a device")
    for name, us in rows:
        print(f"  {name:<56}{us:8.1f}")
    print(f"  {'sum':<56}{total:8.1f}")
    return total


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
