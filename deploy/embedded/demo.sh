#!/usr/bin/env bash
# Shows the server at work in a world of its own, var/demo, on a free port: one device of each procedure step by
# step, then a fleet, every answer verified. Stops everything at the end.
#
#   DEMO_DEVICES   the fleet's size; 10000 unless set
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
export ARPF_WORLD=${here%/deploy/embedded}/var/demo ARPF_PORT=free
devices=${DEMO_DEVICES:-10000}

heading() {
  printf '\n== %s\n\n' "$*"
}

"$here/down.sh" --purge
trap '"$here/down.sh"' EXIT

heading "The embedded deployment: PostgreSQL, SoftHSM, a demo CA, arpfd"
"$here/up.sh"
# shellcheck disable=SC1091
. "$ARPF_WORLD/env"
arpfctl status

heading "One device, initial attach, step by step"
arpfload walk --procedure initial-attach

heading "A fleet of $devices devices with keys, certificates and tokens of their own"
arpfload fleet create --procedure initial-attach --devices "$devices" --out "$ARPF_WORLD/fleet"
heading "The fleet attaches; every answer is verified as its device would"
arpfload run --procedure initial-attach --fleet "$ARPF_WORLD/fleet" --verify 100

heading "What the server says now"
arpfctl imsi-pool list
