#!/usr/bin/env bash
# Installs what building, running and testing need and this Debian lacks, and the packages named as
# arguments. Where nothing is missing nothing is called but dpkg-query.
set -euo pipefail

packages=(
  build-essential pkg-config openssl
  libmicrohttpd-dev libgnutls28-dev libev-dev libjansson-dev libcbor-dev libinih-dev libpq-dev
  libcurl4-openssl-dev libp11-kit-dev libssl-dev
  softhsm2 postgresql
  check libsubunit-dev valgrind gdb python3 python3-cryptography
  "$@"
)

if ! command -v dpkg-query >/dev/null; then
  echo "deps: no Debian; these packages, or what they are called here, are needed: ${packages[*]}" >&2
  exit 0
fi

missing=()
installed=" $(dpkg-query -W -f='${db:Status-Status}:${Package} ' "${packages[@]}" 2>/dev/null || true)"
for package in "${packages[@]}"; do
  [[ $installed == *" installed:$package "* ]] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "deps: missing, and neither root nor sudo is here to install: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

# Installing Debian's postgresql would also create a cluster of its own and start it. A file in
# createcluster.d says no to that for as long as the installation runs; it is the one way that leaves
# neither a cluster nor a changed configuration behind. An administrator's own file there stands.
no_cluster=/etc/postgresql-common/createcluster.d/openarpf-deps.conf
clean_up() {
  "${as_root[@]}" rm -f "$no_cluster"
  "${as_root[@]}" rmdir --ignore-fail-on-non-empty "${no_cluster%/*}"
}
if [[ " ${missing[*]} " == *" postgresql "* ]]; then
  trap clean_up EXIT
  "${as_root[@]}" mkdir -p "${no_cluster%/*}"
  echo "create_main_cluster = false" | "${as_root[@]}" tee "$no_cluster" >/dev/null
fi

echo "deps: installing ${missing[*]}" >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -q -y --no-install-recommends "${missing[@]}" >&2

# Debian starts a freeradius that is installed. The tests start one of their own, and nobody asked for another.
if [[ " ${missing[*]} " == *" freeradius "* ]] && [ -d /run/systemd/system ]; then
  "${as_root[@]}" systemctl disable --now freeradius.service >&2
fi
