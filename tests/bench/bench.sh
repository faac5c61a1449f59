#!/usr/bin/env bash
# Brings up a world of its own, measures, and takes it down again. Arguments go to bench.py.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export ARPF_WORLD=$PWD/var/bench ARPF_PORT=free PYTHONDONTWRITEBYTECODE=1
deploy/embedded/down.sh --purge
trap 'deploy/embedded/down.sh --purge' EXIT
deploy/embedded/up.sh
# shellcheck disable=SC1091
. "$ARPF_WORLD/env"
postgres=$(psql -XAtqc 'show data_directory')
python3 tests/bench/bench.py --floors "$1" --postmaster "$postgres/postmaster.pid" "${@:2}"
