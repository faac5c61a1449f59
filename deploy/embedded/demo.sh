#!/usr/bin/env bash
# Shows the server at work in a world of its own, var/demo, on a free port: one device of each procedure step by
# step, then fleets, every answer verified. Stops everything at the end.
#
#   DEMO_DEVICES   the size of the fleet of initial attach; 10000 unless set; the others have a fifth of it
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
export ARPF_WORLD=${here%/deploy/embedded}/var/demo ARPF_PORT=free
devices=${DEMO_DEVICES:-10000}
fewer=$(((devices + 4) / 5))
companion=imsi-001017000000001

heading() {
  printf '\n== %s\n\n' "$*"
}

# walk PROCEDURE OPTION...: of the procedures that take a companion UE.
walk_with_companion() {
  arpfload walk --procedure "$1" --companion-supi "$companion" \
    --k-file "$ARPF_WORLD/companion.k" --opc-file "$ARPF_WORLD/companion.opc" "${@:2}"
}

# drive PROCEDURE DEVICES OPTION...: a fleet is made, then driven.
drive() {
  local fleet=$ARPF_WORLD/fleet-$1

  arpfload fleet create --procedure "$1" --devices "$2" --out "$fleet"
  [ "$1" != headless-device ] || arpfctl subscriber import "$fleet/subscribers.csv"
  arpfload run --procedure "$1" --fleet "$fleet" --verify 100 "${@:3}"
}

"$here/down.sh" --purge
trap '"$here/down.sh"' EXIT

heading "The embedded deployment: PostgreSQL, SoftHSM, a demo CA, an IBS identity, arpfd"
"$here/up.sh"
# shellcheck disable=SC1091
. "$ARPF_WORLD/env"
arpfctl status

heading "Solution #5.x: one device, initial attach and first authentication, step by step"
arpfload walk --procedure first-auth

heading "A companion UE: a subscriber whose K the operator imports"
(
  umask 077
  openssl rand -hex 16 >"$ARPF_WORLD/companion.k"
  openssl rand -hex 16 >"$ARPF_WORLD/companion.opc"
)
arpfctl subscriber add --supi "$companion" \
  --k-file "$ARPF_WORLD/companion.k" --opc-file "$ARPF_WORLD/companion.opc"

heading "Solution #12.x: one IoT device without credentials, through the companion UE, step by step"
walk_with_companion companion-dh

heading "Solution #12.z: one headless device on the companion's subscription, step by step"
arpfload fleet create --procedure headless-device --devices 1 --out "$ARPF_WORLD/maker"
arpfctl trust add --use device "$ARPF_WORLD/maker/ci.pem"
walk_with_companion headless-device --fleet "$ARPF_WORLD/maker" --no-trust

heading "Solution #5.x: $devices devices with keys, certificates and tokens of their own attach"
drive initial-attach "$devices"

heading "Solution #5.x: $fewer devices attach, then authenticate with what eK gave them"
drive first-auth "$fewer"

heading "Solution #12.x: $fewer devices through $(((fewer + 99) / 100)) companion UEs"
drive companion-dh "$fewer"

heading "Solution #12.z: $fewer headless devices through $(((fewer + 99) / 100)) companion UEs"
drive headless-device "$fewer"

heading "What the server says now"
arpfctl imsi-pool list
