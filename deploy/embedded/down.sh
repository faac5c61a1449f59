#!/usr/bin/env bash
# Stops the embedded deployment and leaves its data. With --purge the data goes too, wherever it lies.
set -euo pipefail
# shellcheck source=deploy/embedded/world.sh
. "$(dirname "${BASH_SOURCE[0]}")/world.sh"

[ -d "${ARPF_WORLD:-$top/var/dev}" ] || exit 0
open_world
find_postgres_folder
stop_arpfd
if [ -d "$postgres/data" ]; then
  find_postgres_programs
  stop_postgres
fi
if [ "${1:-}" = --purge ]; then
  rm -rf "$postgres" "$world"
fi
