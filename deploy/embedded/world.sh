# shellcheck shell=bash
# A world is one folder with everything a server needs: a PostgreSQL cluster on a Unix socket, a
# SoftHSM token, a demo CA, a configuration. This file is sourced by up.sh, down.sh and demo.sh; it
# knows where the parts of a world lie and how each is started and stopped.
#
#   ARPF_WORLD   the folder; var/dev of the clone unless set
#   ARPF_PORT    the port on 127.0.0.1; the one it had, or 8480; "free": the one it had, or any
#   ARPF_TLS     1: mutual TLS, with a CA and certificates of its own under tls/; else plain HTTP
#   ARPF_BUILD   the build folder, absolute or in the clone; build unless set
#   ARPF_RUNNER  a command that arpfd is started under, such as valgrind with its options

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
build=${ARPF_BUILD:-build}
[[ $build == /* ]] || build=$top/$build
bin=$build/bin

say() {
  echo "$*" >&2
}

fail() {
  say "$@"
  exit 1
}

# One command at a time works on a world. Whatever stays running is started with 9>&-.
open_world() {
  world=${ARPF_WORLD:-$top/var/dev}
  mkdir -p "$world"
  world=$(cd "$world" && pwd -P)
  exec 9>"$world/lock"
  flock -w 120 9 || fail "$world: another command has been at work on it for two minutes"
}

# ---- PostgreSQL

# It refuses to run as root, so that root starts it as another user.
find_postgres_user() {
  postgres_user=
  [ "$(id -u)" -eq 0 ] || return 0
  postgres_user=postgres
  getent passwd postgres >/dev/null || postgres_user=nobody
}

as_postgres() {
  if [ -z "$postgres_user" ]; then
    "$@"
    return
  fi
  (cd / && HOME=/ setpriv --reuid="$postgres_user" --regid="$(id -g "$postgres_user")" \
    --clear-groups -- "$@")
}

# A Unix socket's path has at most 107 bytes, its name in the folder takes 14. Lists of such folders and
# connection strings have their own ideas of blanks, commas and quotes.
fits_socket() {
  [ ${#1} -le 90 ] && [[ $1 != *[!A-Za-z0-9/._+-]* ]]
}

# The cluster lies in the world where its user can enter it and the path is short enough for a socket;
# otherwise in a private folder elsewhere, which "postgres-folder" names and which names its world in turn.
find_postgres_folder() {
  local recorded=$world/postgres-folder owner

  find_postgres_user
  if [ -f "$recorded" ]; then
    postgres=$(<"$recorded")
    owner=$(cat "$postgres/world" 2>/dev/null || true)
    # A copy of a clone that is still there must not take the original's cluster.
    if [ -d "$postgres" ] && { [ "$owner" = "$world" ] || [ ! -e "$owner/lock" ]; }; then
      return 0
    fi
    say "$world: its database in $postgres is gone; beginning anew"
    rm -f "$recorded"
  fi
  postgres=$world/postgres
}

make_postgres_folder() {
  if [ -d "$postgres" ]; then
    return 0
  fi
  mkdir -m 0700 "$postgres"
  [ -z "$postgres_user" ] || chown "$postgres_user" "$postgres"
  if fits_socket "$postgres" && as_postgres test -w "$postgres" 2>/dev/null; then
    return 0
  fi
  rmdir "$postgres"
  postgres=$(mktemp -d -p /var/tmp arpf.XXXXXX 2>/dev/null || mktemp -d -p /tmp arpf.XXXXXX)
  echo "$postgres" >"$world/postgres-folder"
  [ -z "$postgres_user" ] || chown "$postgres_user" "$postgres"
}

find_postgres_programs() {
  local version=

  [ ! -f "$postgres/data/PG_VERSION" ] || version=$(<"$postgres/data/PG_VERSION")
  postgres_bin=$(printf '%s\n' /usr/lib/postgresql/"${version:-*}"/bin | sort -V | tail -n 1)
  [ -x "$postgres_bin/initdb" ] || postgres_bin=$(pg_config --bindir 2>/dev/null || true)
  [ -x "$postgres_bin/initdb" ] || fail "no PostgreSQL ${version:-server} found; try: make deps"
}

# Keys of an older database's making would be of no use to a new one.
make_cluster() {
  [ ! -d "$postgres/data" ] || return 0
  say "creating the database cluster in $postgres"
  rm -rf "$postgres/data.new" "$world/tokens" "$world/provisioned"
  as_postgres "$postgres_bin/initdb" -D "$postgres/data.new" -U arpf -E UTF8 --locale=C \
    --auth-local=trust --auth-host=reject >"$world/initdb.log" 2>&1 ||
    fail "initdb failed: $(tail -n 5 "$world/initdb.log")"
  as_postgres tee -a "$postgres/data.new/postgresql.conf" >/dev/null <<-'END'

	include = 'openarpf.conf'
	END
  mv "$postgres/data.new" "$postgres/data"
}

# Written at every start: the socket's folder moves with the clone.
configure_cluster() {
  as_postgres tee "$postgres/data/openarpf.conf" >/dev/null <<-END
	listen_addresses = ''
	unix_socket_directories = '$postgres'
	port = 5432
	max_connections = 200
	fsync = on
	synchronous_commit = on
	shared_buffers = 256MB
	wal_compression = lz4
	max_wal_size = 4GB
	checkpoint_timeout = 15min
	checkpoint_completion_target = 0.9
	jit = off
	END
}

# The postmaster and its children stand in the data folder; a process that got an old number does not.
postgres_processes() {
  readlink /proc/[0-9]*/cwd 2>/dev/null | grep -cFx "$postgres/data" || true
}

postgres_pid() {
  local pid

  pid=$(head -n 1 "$postgres/data/postmaster.pid" 2>/dev/null) || return 1
  [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$postgres/data" ] && echo "$pid"
}

# After a kill the number in postmaster.pid may belong to a stranger, which PostgreSQL would take for
# itself running. The files go only when no process of the cluster is left.
clear_stale_postmaster() {
  local tries

  for tries in $(seq 150); do
    [ "$(postgres_processes)" -gt 0 ] || break
    [ "$tries" -lt 150 ] || fail "processes of a dead PostgreSQL in $postgres do not end"
    sleep 0.2
  done
  rm -f "$postgres/data/postmaster.pid" "$postgres"/.s.PGSQL.5432*
}

start_postgres() {
  ! postgres_pid >/dev/null || return 0
  clear_stale_postmaster
  configure_cluster
  as_postgres "$postgres_bin/pg_ctl" start -s -w -t 120 -D "$postgres/data" -l "$postgres/log" 9>&- ||
    fail "PostgreSQL did not start: $(tail -n 5 "$postgres/log")"
}

stop_postgres() {
  postgres_pid >/dev/null || return 0
  as_postgres "$postgres_bin/pg_ctl" stop -s -w -t 60 -m fast -D "$postgres/data" ||
    as_postgres "$postgres_bin/pg_ctl" stop -s -w -t 60 -m immediate -D "$postgres/data"
}

# ---- arpfd

arpfd_pid() {
  local pid

  pid=$(cat "$world/arpfd.pid" 2>/dev/null) || return 1
  [ -n "$pid" ] && tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qFx "$world/arpf.conf" &&
    echo "$pid"
}

port_is_taken() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

free_port() {
  local port

  for _ in $(seq 100); do
    port=$((20000 + RANDOM % 10000))
    port_is_taken "$port" || break
  done
  echo "$port"
}

has_tls() {
  [ "${ARPF_TLS:-}" = 1 ]
}

# Standard input to the port of this number, and what it answers.
talk_to_arpfd() {
  if has_tls; then
    timeout 5 openssl s_client -connect "127.0.0.1:$1" -quiet -verify_return_error \
      -CAfile "$world/tls/ca.pem" -cert "$world/tls/ausf.pem" -key "$world/tls/ausf.key"
    return
  fi
  exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
  cat >&3
  timeout 5 cat <&3
}

# A 200 says that the database and the keys are there too.
arpfd_answers() (
  printf 'GET /narpf-ek/v1/certificate HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' |
    talk_to_arpfd "$1" | { read -r _ status _ && [ "$status" = 200 ]; }
) 2>/dev/null

start_arpfd() {
  local runner=()

  read -r -a runner <<<"${ARPF_RUNNER:-}"
  # shellcheck disable=SC2016
  setsid sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$world/arpfd.pid" \
    "${runner[@]}" "$bin/arpfd" --config "$world/arpf.conf" \
    </dev/null >>"$world/arpfd.log" 2>&1 9>&- &
}

# wait_for_arpfd PORT: until it answers; false where it ended, or says nothing for two minutes.
wait_for_arpfd() {
  local tries=0

  until arpfd_answers "$1"; do
    tries=$((tries + 1))
    [ $tries -lt 1200 ] || return 1
    # Its number is written a moment after it was started.
    [ $tries -lt 10 ] || arpfd_pid >/dev/null || return 1
    sleep 0.1
  done
  arpfd_pid >/dev/null
}

stop_arpfd() {
  local pid

  if ! pid=$(arpfd_pid); then
    rm -f "$world/arpfd.pid"
    return 0
  fi
  kill -TERM "$pid" 2>/dev/null || true
  for _ in $(seq 300); do
    arpfd_pid >/dev/null || break
    sleep 0.1
  done
  if arpfd_pid >/dev/null; then
    say "arpfd did not end within 30 seconds of SIGTERM; killing it"
    kill -KILL "$pid" 2>/dev/null || true
  fi
  rm -f "$world/arpfd.pid"
}
