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

# What an operator types is shown with its answer.
operator() {
  printf '      $ arpfctl %s\n' "${*//"$ARPF_WORLD"\//}"
  arpfctl "$@" | sed 's/^/      /'
}

# walk PROCEDURE OPTION...: of the procedures that take a companion UE.
walk_with_companion() {
  arpfload walk --procedure "$1" --companion-supi "$companion" \
    --k-file "$ARPF_WORLD/companion.k" --opc-file "$ARPF_WORLD/companion.opc" "${@:2}"
}

# profile NAME: the eUICC of the fleet NAME attaches, downloads, and attaches with its profile.
profile() {
  arpfload walk --procedure profile-download --fleet "$ARPF_WORLD/$1" --no-trust --save "$ARPF_WORLD/$1.profile"
}

# authenticate NAME OPTION...: with the profile that NAME has downloaded last.
authenticate() {
  arpfload walk --procedure auth-data --supi "$(<"$ARPF_WORLD/$1.profile.supi")" \
    --k-file "$ARPF_WORLD/$1.profile.k" --opc-file "$ARPF_WORLD/$1.profile.opc" "${@:2}"
}

# make_euicc NAME: one device with a maker of its own, whom the operator then trusts.
make_euicc() {
  arpfload fleet create --procedure device-attach --devices 1 --out "$ARPF_WORLD/$1"
  operator trust add --use euicc "$ARPF_WORLD/$1/ci.pem"
}

# drive PROCEDURE DEVICES OPTION...: a fleet is made, then driven.
drive() {
  local fleet=$ARPF_WORLD/fleet-$1

  arpfload fleet create --procedure "$1" --devices "$2" --out "$fleet"
  [ "$1" != headless-device ] || arpfctl subscriber import "$fleet/subscribers.csv"
  arpfload run --procedure "$1" --fleet "$fleet" --verify 100 "${@:3}"
}

# The key issue's creation, suspension, update, revocation, on the subscription of one eUICC.
manage_credentials() {
  local supi

  supi=$(<"$ARPF_WORLD/euicc.profile.supi")
  operator subscription suspend "$supi"
  authenticate euicc --expect CREDENTIAL_SUSPENDED
  operator subscription resume "$supi"
  authenticate euicc
  operator subscription rekey "$supi"
  operator credential list --supi "$supi"
  echo "      The old key serves until the device has the new one:"
  authenticate euicc
  echo "      The device attaches with its device credentials and downloads the new key:"
  profile euicc
  operator credential list --supi "$supi"
  operator subscription revoke "$supi"
  authenticate euicc --expect CREDENTIAL_REVOKED
}

# A profile that lives for some seconds; only for this, the server is started with such a setting.
let_one_expire() {
  local lifetime_s=8

  echo "devices.profile_lifetime_s = $lifetime_s" >"$ARPF_WORLD/settings"
  "$here/up.sh" 2>/dev/null
  make_euicc short-lived
  profile short-lived | tail -n 12
  echo "      … $lifetime_s seconds later:"
  sleep "$lifetime_s"
  authenticate short-lived --expect CREDENTIAL_EXPIRED
  operator credential overdue
  rm "$ARPF_WORLD/settings"
  "$here/up.sh" 2>/dev/null
}

"$here/down.sh" --purge
trap '"$here/down.sh"' EXIT

heading "The embedded deployment: PostgreSQL, SoftHSM, a demo CA, an IBS identity, arpfd"
"$here/up.sh"
# shellcheck disable=SC1091
. "$ARPF_WORLD/env"
arpfctl status

heading "Solution #5.x: one device, from initial attach to its own profile, step by step"
arpfload walk --procedure first-auth --download

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

heading "Solution 12.X: one device attaches with its eUICC's credentials and downloads, step by step"
make_euicc euicc
profile euicc

heading "Key issue, credential management: the life of that device's credential"
manage_credentials

heading "Key issue, overdue credentials: refused from the second they end, and listed"
let_one_expire

heading "Solution #5.x: $devices devices with keys, certificates and tokens of their own attach"
drive initial-attach "$devices"

heading "Solution #5.x: $fewer devices attach, then authenticate with what eK gave them"
drive first-auth "$fewer"

heading "Solution #12.x: $fewer devices through $(((fewer + 99) / 100)) companion UEs"
drive companion-dh "$fewer"

heading "Solution #12.z: $fewer headless devices through $(((fewer + 99) / 100)) companion UEs"
drive headless-device "$fewer"

heading "Solution 12.X: $fewer devices attach with their eUICCs' credentials, download, attach normally"
drive profile-download "$fewer"

heading "What the server says now"
arpfctl imsi-pool list

heading "The audit trail, from its first event to its last"
operator audit verify
