#!/usr/bin/env bash
# Puts this site into a FreeRADIUS 3.2 configuration of Debian's layout, in place of the sites that come with it.
# May be run again: what the operator has changed in arpf/ stays, the rest is written anew.
#
# usage: install.sh RADDB [OWNER]      /etc/freeradius/3.0 freerad
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
raddb=${1:?usage: install.sh RADDB [OWNER]}
owner=${2:-}

[ -f "$raddb/radiusd.conf" ] || {
  echo "$raddb holds no radiusd.conf" >&2
  exit 1
}

mkdir -p "$raddb"/arpf/{issuers,eap,tls}
chmod 0750 "$raddb"/arpf/{eap,tls}
[ -f "$raddb/arpf/arpf.conf" ] || install -m 0640 "$here/raddb/arpf/arpf.conf" "$raddb/arpf/arpf.conf"
install -m 0755 "$here/raddb/arpf/present" "$raddb/arpf/"
install -m 0640 "$here/raddb/arpf/tls.conf.example" "$raddb/arpf/"

for part in mods sites; do
  for file in "$here/raddb/$part-available"/*; do
    install -m 0640 "$file" "$raddb/$part-available/"
    ln -sfn "../$part-available/${file##*/}" "$raddb/$part-enabled/${file##*/}"
  done
done
# They would listen on the same port, and let in by other rules.
rm -f "$raddb"/sites-enabled/{default,inner-tunnel} "$raddb/mods-enabled/eap"

# Before the modules, which refer to it.
# shellcheck disable=SC2016
grep -q '^\$INCLUDE arpf/arpf.conf' "$raddb/radiusd.conf" ||
  sed -i '0,/^modules {/s//$INCLUDE arpf\/arpf.conf\n\nmodules {/' "$raddb/radiusd.conf"
[ -z "$owner" ] || chown -R "$owner" "$raddb/arpf" "$raddb"/{mods,sites}-available/arpf*
