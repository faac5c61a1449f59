#!/usr/bin/env python3
"""make bench: what the procedures cost, beside what they cannot cost less than.

Before each procedure its floors are measured (tests/bench/floors.c, and the token's own speed by
`arpfctl hsm probe`), then arpfload drives a server of its own, and the CPU time of arpfd, its arpf-keyd workers and its
PostgreSQL backends is read from /proc before and after. All in one run, on one machine, so that the
ratio means something where the absolute figures do not.
"""
import argparse
import os
import resource
import sys
import time

import life
from measure import Server, drive, floors, peak_mib, print_floor, print_rate, print_use, run

IN_FLIGHT = 4096


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


def device_attach_rows(f):
    return [
        ("two HTTP exchanges", 2 * f["http_exchange"]),
        ("one generated key pair", f["p256_pair"]),
        ("1/64 of a signature through the PKCS#11 module", f["token_sign"] / 64),
        ("ECDSA verification of the eUICC's certificate", f["ecdsa_verify"]),
        ("ECDSA verification of the device's signature", f["ecdsa_verify"]),
        ("one agreement, the element checked", f["p256_agreement"]),
        ("Ks and the MAC of the accept", f["attach_keys"]),
        ("three rows written (attach, session, event), one updated", 3 * f["database_row"] + f["database_update"]),
    ]


def download_rows(f):
    return [
        ("three HTTP exchanges", 3 * f["http_exchange"]),
        ("one generated key pair", f["p256_pair"]),
        ("1/64 of a signature through the PKCS#11 module", f["token_sign"] / 64),
        ("ECDSA verification of the device's certificate", f["ecdsa_verify"]),
        ("ECDSA verification of the device's signature", f["ecdsa_verify"]),
        ("one agreement, the element checked", f["p256_agreement"]),
        ("one K wrapped in the token", f["token_wrap"]),
        ("Kb and Kn, the profile sealed, the MAC checked", f["download_keys"]),
        ("five rows written (two of them events), four updated", 5 * f["database_row"] + 4 * f["database_update"]),
    ]


def euicc_fleet(args):
    """The first half is for the attach alone."""
    fleet = os.environ["ARPF_WORLD"] + "/euiccs"
    run("arpfload", "fleet", "create", "--procedure", "device-attach", "--devices", str(2 * args.devices),
        "--out", fleet)
    return fleet


def bench_device_attach(args, f, server):
    floor = print_floor("Attach with device credentials, 9.1 and 9.2", device_attach_rows(f))
    fleet = euicc_fleet(args)
    report, used = server.used(lambda: drive(
        "device-attach", fleet, 0, args.devices, args.concurrency, args.verify))
    print_use(args.devices, used, floor, f"{args.devices} devices, concurrency {args.concurrency}")
    return print_rate(report)


def bench_download(args, f, server):
    floor = print_floor("Profile download, 10.1 to 10.3, with the attach before it on both sides",
                        [("9.1 and 9.2: " + name, us) for name, us in device_attach_rows(f)] + download_rows(f))
    fleet = euicc_fleet(args)
    under_way = 2 * args.concurrency  # a device has five requests, in eight statements: fewer would fill no batch
    report, used = server.used(lambda: drive(
        "profile-download", fleet, args.devices, args.devices, under_way, args.verify))
    print_use(args.devices, used, floor, f"{args.devices} devices in five requests each, "
              f"concurrency {under_way}")
    return print_rate(report)


BENCHES = {
    "initial-attach": bench_attach,
    "import": bench_import,
    "auth-data": bench_auth_data,
    "companion-dh": lambda a, f, s: bench_companion(a, f, s, "p256", 2 * a.devices),
    "companion-dh-ffdhe2048": lambda a, f, s: bench_companion(a, f, s, "ffdhe2048", a.devices // 5),
    "device-attach": bench_device_attach,
    "profile-download": bench_download,
    "revocation": life.bench_revocation,  # its subscribers are of no use afterwards
    "audit": life.bench_audit,            # starts servers anew
    "audit-verify": life.bench_verify,
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
    if {"auth-data", "revocation"} & set(wanted) and "import" not in wanted:
        wanted.insert(0, "import")  # it brings the subscribers
    server, wrong = Server(args.postmaster), 0
    for name in BENCHES:
        if name in wanted:  # with the floors of the same minute: machines are not the same all day
            wrong += BENCHES[name](args, floors(args.floors), server)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
