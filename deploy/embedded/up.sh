#!/usr/bin/env bash
# Starts a world (world.sh says what that is) and leaves it running. May be repeated at any time, and
# after any kind of stop: each step looks at what is there and makes what is missing.
set -euo pipefail
# shellcheck source=deploy/embedded/world.sh
. "$(dirname "${BASH_SOURCE[0]}")/world.sh"

token=openarpf

choose_port() {
  local recorded

  recorded=$(cat "$world/port" 2>/dev/null || true)
  port=${ARPF_PORT:-${recorded:-8480}}
  [ "$port" != free ] || port=${recorded:-$(free_port)}
  [[ $port =~ ^[0-9]+$ ]] || fail "ARPF_PORT: not a number: $port"
}

# SoftHSM writes a token's own record anew at each login: who is killed just then leaves it empty. It changes
# with the PIN only, so the first one will do.
mend_token() {
  local kept

  for kept in "$world"/tokens/*/token.object.first; do
    [ ! -f "$kept" ] || [ -s "${kept%.first}" ] || cp -p "$kept" "${kept%.first}"
  done
}

make_token() {
  export SOFTHSM2_CONF=$world/softhsm2.conf
  printf '%s\n' "directories.tokendir = $world/tokens" "objectstore.backend = file" \
    "log.level = ERROR" "slots.removable = false" >"$SOFTHSM2_CONF"
  [ ! -d "$world/tokens" ] || { mend_token; return 0; }
  say "creating the SoftHSM token"
  (umask 077 && openssl rand -hex 16 >"$world/pin")
  rm -rf "$world/tokens.new"
  mkdir -m 0700 "$world/tokens.new"
  sed "s|/tokens\$|/tokens.new|" "$SOFTHSM2_CONF" >"$world/softhsm2.new.conf"
  SOFTHSM2_CONF=$world/softhsm2.new.conf softhsm2-util --init-token --free --label "$token" \
    --pin "$(<"$world/pin")" --so-pin "$(openssl rand -hex 16)" >"$world/softhsm.log" 2>&1 ||
    fail "no token could be made: $(cat "$world/softhsm.log")"
  rm "$world/softhsm2.new.conf"
  for record in "$world"/tokens.new/*/token.object; do
    cp -p "$record" "$record.first"
  done
  mv "$world/tokens.new" "$world/tokens"
}

make_demo_ca() {
  [ ! -f "$world/ca/ca.pem" ] || return 0
  mkdir -p "$world/ca"
  (umask 077 && openssl ecparam -name prime256v1 -genkey -noout -out "$world/ca/ca.key")
  openssl req -x509 -new -sha256 -days 3650 -key "$world/ca/ca.key" -out "$world/ca/ca.pem.new" \
    -subj "/O=openarpf/CN=openarpf demo CA" \
    -addext "basicConstraints=critical,CA:TRUE" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
  mv "$world/ca/ca.pem.new" "$world/ca/ca.pem"
}

# make_certificate NAME DAYS SUBJECT EXTENSION…: a key and a certificate of the TLS CA's, in tls.new.
make_certificate() {
  local name=$1 days=$2 subject=$3 extensions

  shift 3
  extensions=$(printf '%s\n' "$@")
  (umask 077 && openssl ecparam -name prime256v1 -genkey -noout -out "$world/tls.new/$name.key")
  openssl req -new -sha256 -key "$world/tls.new/$name.key" -subj "$subject" 2>/dev/null |
    openssl x509 -req -sha256 -days "$days" -CA "$world/tls.new/ca.pem" \
      -CAkey "$world/tls.new/ca.key" -set_serial "0x$(openssl rand -hex 8)" \
      -extfile <(printf '%s\n' "$extensions") -out "$world/tls.new/$name.pem" 2>/dev/null
}

# A CA for the listener and its callers, and a caller of every role; the server calls others as ausf.
make_tls() {
  local role

  has_tls && [ ! -d "$world/tls" ] || return 0
  say "creating the TLS certificates in $world/tls"
  rm -rf "$world/tls.new"
  mkdir "$world/tls.new"
  (umask 077 && openssl ecparam -name prime256v1 -genkey -noout -out "$world/tls.new/ca.key")
  openssl req -x509 -new -sha256 -days 3650 -key "$world/tls.new/ca.key" \
    -out "$world/tls.new/ca.pem" -subj "/O=openarpf/CN=openarpf TLS CA" \
    -addext "basicConstraints=critical,CA:TRUE" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
  make_certificate server 3650 "/O=openarpf/CN=localhost" \
    "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" \
    "extendedKeyUsage=serverAuth" "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost"
  for role in service-provider ausf access-network companion-gateway device-gateway admin auditor \
    metrics; do
    make_certificate "$role" 3650 "/O=openarpf/OU=$role/CN=demo $role" \
      "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" \
      "extendedKeyUsage=clientAuth"
  done
  mv "$world/tls.new" "$world/tls"
}

softhsm_module() {
  local module

  for module in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so \
    /usr/lib64/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so; do
    [ ! -f "$module" ] || break
  done
  echo "$module"
}

# The file "settings" of the world, one "section.name = value" a line, has the last word.
write_config() {
  local short=$world url=http://127.0.0.1:$port

  fits_socket "$world" || short=$postgres
  ! has_tls || url=https://127.0.0.1:$port
  {
    echo "server.listen = 127.0.0.1:$port"
    echo "server.admin_socket = $short/admin.sock"
    if has_tls; then
      echo "tls.certificate_file = $world/tls/server.pem"
      echo "tls.key_file = $world/tls/server.key"
      echo "tls.client_ca_file = $world/tls/ca.pem"
      echo "tls.peer_certificate_file = $world/tls/ausf.pem"
      echo "tls.peer_key_file = $world/tls/ausf.key"
      echo "tls.peer_ca_file = $world/tls/ca.pem"
    fi
    echo "network.arpf_peers = http://127.0.0.1:* https://127.0.0.1:*"
    echo "attach.allowed_destinations = 127.0.0.1:$port"
    echo "attach.provisioning_server = $url"
    echo "hsm.module = $(softhsm_module)"
    echo "hsm.token = $token"
    echo "hsm.pin_file = $world/pin"
    echo "hsm.ca_certificate_file = $world/ca/ca.pem"
    echo "hsm.ca_key_file = $world/ca/ca.key"
    echo "subscriptions.ibs_suite = eccsi-p256-sha256"
    echo "devices.certificate_hosts = http://127.0.0.1:*"
    echo "audit.root_file = $world/audit.root"
    echo "database.connection = host='$postgres' port=5432 dbname=arpf user=arpf"
    [ ! -f "$world/settings" ] || cat "$world/settings"
  } | awk -F ' *= *' '
    /^[a-z]+\.[a-z_0-9]+ *=/ {
      split($1, part, "."); value = $0; sub(/^[^=]*= */, "", value)
      if (!(part[1] in sections)) order[++count] = part[1]
      sections[part[1]]; values[part[1] SUBSEP part[2]] = value
    }
    END {
      print "# Written by make up; put own settings into the file \"settings\" beside it."
      for (i = 1; i <= count; i++) {
        print "\n[" order[i] "]"
        for (key in values) {
          split(key, part, SUBSEP)
          if (part[1] == order[i]) print part[2] " = " values[key]
        }
      }
    }' >"$world/arpf.conf.new"
  mv "$world/arpf.conf.new" "$world/arpf.conf"
}

write_environment() {
  {
    echo "# For a shell: . $world/env"
    if has_tls; then
      printf 'export %s=%q\n' ARPF_URL "https://127.0.0.1:$port" ARPF_CA_FILE "$world/tls/ca.pem" \
        ARPF_CERTIFICATE_FILE "$world/tls/admin.pem" ARPF_KEY_FILE "$world/tls/admin.key" \
        ARPF_CERTIFICATE_FOLDER "$world/tls"
    else
      echo "unset ARPF_CA_FILE ARPF_CERTIFICATE_FILE ARPF_KEY_FILE ARPF_CERTIFICATE_FOLDER"
      printf 'export %s=%q\n' ARPF_URL "http://127.0.0.1:$port"
    fi
    printf 'export %s=%q\n' ARPF_CONFIG "$world/arpf.conf" \
      ARPF_AF_FQDN "$(af_fqdn)" SOFTHSM2_CONF "$world/softhsm2.conf" \
      PGHOST "$postgres" PGPORT 5432 PGDATABASE arpf PGUSER arpf
    # shellcheck disable=SC2016
    printf 'export PATH=%q:%q:$PATH\n' "$bin" "$postgres_bin"
  } >"$world/env.new"
  mv "$world/env.new" "$world/env"
}

af_fqdn() {
  sed -n 's/^server\.af_fqdn *= *//p' "$world/settings" 2>/dev/null | grep . ||
    echo arpf.5gc.mnc001.mcc001.3gppnetwork.org
}

# What runs is left alone where its program and its configuration are those of now.
is_running_as_configured() {
  local pid

  pid=$(arpfd_pid) || return 1
  [ -z "${ARPF_RUNNER:-}" ] && [ "$(readlink "/proc/$pid/exe")" = "$bin/arpfd" ] &&
    cmp -s "$world/arpf.conf" "$world/arpf.conf.running" && arpfd_answers "$port"
}

# The server signs by an identity of the present month; near its end the next month's is issued too.
issue_identity() {
  {
    arpfctl ibs kms-init --if-missing
    arpfctl ibs issue --id "$(af_fqdn)"
    arpfctl ibs renew
  } >>"$world/setup.log"
}

provision_server() {
  arpfctl trust add --use arpf "$world/ca/ca.pem" >>"$world/setup.log"
  arpfctl imsi-pool add --plmn 00101 --first 1 --last 99999999 >>"$world/setup.log"
  touch "$world/provisioned"
}

open_world
find_postgres_folder
choose_port
[ -x "$bin/arpfd" ] || fail "$bin/arpfd is not there; try: make"
make_postgres_folder
echo "$world" | as_postgres tee "$postgres/world" >/dev/null
find_postgres_programs
make_cluster
make_token
make_demo_ca
make_tls
write_config
write_environment
# shellcheck disable=SC1091
. "$world/env"
start_postgres
psql -XAtqc "select 1 from pg_database where datname = 'arpf'" postgres | grep -q 1 ||
  createdb arpf

if ! is_running_as_configured; then
  stop_arpfd
  arpfctl migrate >"$world/setup.log"
  arpfctl keys init >>"$world/setup.log"
  issue_identity
  ! port_is_taken "$port" || fail "port $port on 127.0.0.1 is taken; try: ARPF_PORT=8481 make up"
  start_arpfd
  wait_for_arpfd "$port" || fail "arpfd did not start: $(tail -n 5 "$world/arpfd.log")"
  cp "$world/arpf.conf" "$world/arpf.conf.running"
  echo "$port" >"$world/port"
else
  issue_identity
fi
[ -f "$world/provisioned" ] || provision_server
say "openarpf answers at $ARPF_URL; for its commands: . ${world#"$PWD"/}/env"
