"""The benches of what an operator has besides the procedures: revocations by file, the audit trail."""
import json
import os
import statistics
import subprocess
import time

from measure import Server, drive, run

ROUNDS = 3


def bench_revocation(args, f, server):
    """Every imported subscriber, by a file of SUPIs."""
    world = os.environ["ARPF_WORLD"]
    listed = f"{world}/revoked"
    count = 5 * args.devices
    with open(f"{world}/subscribers/subscribers.csv") as lines, open(listed, "w") as out:
        next(lines)
        out.writelines(line.split(",")[0] + "\n" for line in lines)
    start = time.monotonic()
    run("arpfctl", "subscription", "revoke", "--file", listed)
    seconds = time.monotonic() - start
    print(f"\nRevocation of {count} subscriptions by file: {seconds:.1f} s, {count / seconds:.0f}/s", flush=True)
    return 0


def restart(trail):
    """The same world with the audit trail on or off."""
    world = os.environ["ARPF_WORLD"]
    with open(f"{world}/settings", "w") as settings:
        settings.write(f"audit.trail = {trail}\n")
    subprocess.run(["deploy/embedded/up.sh"], check=True, stderr=subprocess.DEVNULL)


def bench_audit(args, f, server):
    """Initial attach with the trail and without it, in turns; the medians are compared."""
    fleet = os.environ["ARPF_WORLD"] + "/audited"
    each = args.devices // 2
    rates, costs = {"on": [], "off": []}, {"on": [], "off": []}
    run("arpfload", "fleet", "create", "--procedure", "initial-attach", "--devices",
        str((2 * ROUNDS + 2) * each), "--out", fleet)
    run("arpfctl", "trust", "add", "--use", "se", f"{fleet}/ci.pem")
    wrong, first = 0, 0
    for turn in range(2 * ROUNDS + 2):
        # off on, on off: so that a machine that grows slower does not decide
        trail = ("off", "on", "on", "off")[turn % 4]
        restart(trail)
        fresh = Server(args.postmaster)
        report, used = fresh.used(lambda at=first: drive(
            "initial-attach", fleet, at, each, args.concurrency, 0))
        first += each
        wrong += report["wrongAnswers"]
        rates[trail].append(report["provisioning"]["devicesPerSecond"])
        costs[trail].append(sum(used.values()) / each)
    rate = {trail: statistics.median(found) for trail, found in rates.items()}
    cost = {trail: statistics.median(found) for trail, found in costs.items()}
    restart("on")
    print(f"\nThe audit trail's cost: initial attach of {each} devices, {ROUNDS + 1} times with it and without it "
          "in turns, medians")
    for trail in ("off", "on"):
        print(f"  {trail:<4}{rate[trail]:8.0f} devices/s ({min(rates[trail]):.0f} - {max(rates[trail]):.0f}), "
              f"{cost[trail]:.0f} us a device ({min(costs[trail]):.0f} - {max(costs[trail]):.0f})")
    print(f"  with it throughput {100 * (rate['on'] / rate['off'] - 1):+.1f} %, "
          f"CPU time {100 * (cost['on'] / cost['off'] - 1):+.1f} %", flush=True)
    return wrong


def bench_verify(args, f, server):
    """The whole trail that the benches before have left."""
    start = time.monotonic()
    found = json.loads(run("arpfctl", "audit", "verify", "--json"))
    seconds = time.monotonic() - start
    print(f"\nVerification of the audit trail: {found['events']} events in {seconds:.2f} s, "
          f"{found['events'] / seconds:.0f} events/s", flush=True)
    return 0 if found["whole"] else 1
