#!/usr/bin/env bash
# House rules that a compiler does not know. Each rule prints the lines that break it; the last line counts the
# rules. The sources are those of the work tree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kept=0 broken=0
product=(base crypto pki hsm db peers procedures server admin-cli device loadtest)

# rule NAME: what comes on stdin breaks it.
rule() {
  local found

  found=$(cat)
  if [ -z "$found" ]; then
    kept=$((kept + 1))
  else
    broken=$((broken + 1))
    printf 'FAILED: %s\n%s\n' "$1" "$(head -n 60 <<<"$found")"
  fi
}

sources() {
  find "$@" -name '*.[ch]' 2>/dev/null | sort
}

files() {
  git ls-files --cached --others --exclude-standard 2>/dev/null | grep . ||
    find . -type f -not -path './.git/*' -not -path './build*' -not -path './var/*'
}

# Lines of the files on stdin that match, but for comments.
lines() {
  xargs -r grep -nE -- "$1" /dev/null | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/?\*|//)'
}

# ---- calls

rule "calls that do not know the size of what they write, or cannot tell an error" <<<"$(
  sources "${product[@]}" | lines '\b(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|scanf|sscanf|fscanf|strtok|atoi|atol|alloca)\(')"
rule "calls with a shell, a poor random number or a jump in them" <<<"$(
  sources "${product[@]}" | lines '\b(system|popen|rand|srand|random|drand48|tmpnam|mktemp|setjmp|longjmp)\(')"
# shellcheck disable=SC2016
rule "the compiler drops a memset before free: OPENSSL_cleanse" <<<"$(
  sources "${product[@]}" | xargs -r awk '
    FNR == 1 { last = "" }
    /[^a-z_]free\(/ && last ~ /[^a-z_]memset\(/ { print FILENAME ":" FNR ": " $0 }
    NF { last = $0 }')"
rule "MACs and keys are compared by CRYPTO_memcmp" <<<"$(
  sources crypto hsm procedures | lines '\bmemcmp\([^)]*(mac|tag|secret|shs|kcv)\b')"
rule "calls that block the loop" <<<"$(
  sources procedures server peers | lines '\b(sleep|usleep|nanosleep|getaddrinfo|gethostbyname|curl_easy_perform|PQexec|PQconnectdb)\(')"

# ---- include directions

# may_include FOLDER ALLOWED…: which of the project's own headers a folder's files include.
may_include() {
  local folder=$1 allowed
  shift
  [ -d "$folder" ] || return 0
  allowed=$(IFS='|' && echo "$*")
  rule "$folder/ includes only from $*" <<<"$(
    sources "$folder" -maxdepth 1 | lines '^#include "' | grep -vE "#include \"($allowed)/[^/]*\"")"
}

may_include base base
may_include crypto base crypto
may_include pki base crypto pki
may_include hsm base crypto hsm
may_include hsm/keyd base crypto hsm hsm/keyd
may_include db base db
may_include peers base peers
may_include procedures base crypto pki hsm db peers procedures
may_include server base crypto pki hsm db peers procedures server
may_include device base crypto pki device
may_include loadtest base crypto pki peers device loadtest

rule "hsm/keyd/ is nobody else's to include" <<<"$(
  sources "${product[@]}" | grep -v '^hsm/keyd/' | lines '#include "hsm/keyd/')"
rule "libpq only in db/" <<<"$(
  sources "${product[@]}" | grep -v '^db/' | lines '<libpq-fe\.h>|\bPQ[a-z][A-Za-z]*\(')"
rule "libmicrohttpd only in server/http*.c" <<<"$(
  sources "${product[@]}" | grep -vE '^server/http(_[a-z]+)?\.[ch]$' | lines '<microhttpd\.h>|\bMHD_')"
rule "GnuTLS only in server/tls*.c" <<<"$(
  sources "${product[@]}" | grep -vE '^server/tls(_[a-z]+)?\.[ch]$' | lines '<gnutls/|\bgnutls_[a-z_]+\(')"
rule "PKCS#11 only in hsm/keyd/" <<<"$(
  sources "${product[@]}" | grep -v '^hsm/keyd/' | lines '\bCK[AMRFU]?_|p11-kit/')"

# ---- files

# shellcheck disable=SC2016
rule "each header compiles alone" <<<"$(
  read -r -a flags <<<"$(pkg-config --cflags libpq p11-kit-1)"
  sources "${product[@]}" tests | grep '\.h$' | xargs -r -P 2 -I '{}' \
    sh -c '"$@" -x c -c -o /dev/null "$0" || echo "$0 does not compile alone"' '{}' \
    "${CC:-cc}" -std=gnu2x -D_GNU_SOURCE -I. "${flags[@]}" 2>&1)"
rule "no file over 450 lines" <<<"$(
  files | grep -E '\.(c|h|py|sh)$' | xargs -r wc -l |
    awk '$2 != "total" && $1 > 450 { print $2 ": " $1 " lines" }')"
# The words are split so that this line does not find itself.
rule "no marks of unfinished work" <<<"$(
  files | grep -vE '\.(json|der|pem|bin)$' |
    xargs -r grep -nIE "\bTO""DO\b|\bFIX""ME\b|\bXX""X\b|#if"" 0\b|not ""implemented" 2>/dev/null)"
# The linker takes the first of two from the archive and says nothing.
# shellcheck disable=SC2016
rule "no two functions of one name" <<<"$(
  sources "${product[@]}" | grep '\.c$' | xargs -r awk '
    FNR == 1 { head = "" }
    /^[A-Za-z].*\(/ && !/^(static|typedef|extern) / && !/[;:]$/ { head = $0 }
    /;$/ { head = "" }
    head != "" && /^\{/ {
      sub(/\(.*/, "", head)
      sub(/.*[ *]/, "", head)
      if (head != "main" && head in first) print head ": " first[head] " and " FILENAME
      first[head] = FILENAME
      head = ""
    }')"
rule "comments are /* */" <<<"$(
  sources "${product[@]}" | xargs -r grep -nE '(^|[[:space:];])//' | grep -v '://')"
rule "no blanks at the ends of lines" <<<"$(
  files | grep -E '\.(c|h|sh|py|sql|md|yaml|service|timer)$|Makefile$' | xargs -r grep -nE '[[:blank:]]+$' 2>/dev/null)"
if command -v clang-format >/dev/null; then
  rule "clang-format has nothing to change" <<<"$(
    sources "${product[@]}" tests | xargs -r clang-format --dry-run 2>&1 | grep 'warning:')"
else
  echo "skip: clang-format is not here, nor need it be"
fi
if command -v shellcheck >/dev/null; then
  rule "shellcheck is content" <<<"$(
    files | grep -E '\.sh$|^\.ci/run$' | xargs -r shellcheck -x -f gcc)"
else
  echo "skip: shellcheck is not here, nor need it be"
fi

# ---- documents

if [ -f docs/operations.md ]; then
  rule "every setting is in docs/operations.md" <<<"$(
    sed -n 's/^[[:space:]]*{ "[a-z]*", "\([a-z0-9_]*\)", \(TEXT\|NUMBER\),.*/\1/p' base/settings.c |
      while read -r setting; do
        grep -qw -- "$setting" docs/operations.md || echo "$setting"
      done)"
fi
rule "every make target says what it does" <<<"$(
  sed -n 's/^\.PHONY: *//p' Makefile | tr ' ' '\n' | while read -r target; do
    grep -qE "^$target:.*## " Makefile || echo "$target"
  done)"

echo "$kept passed, $broken failed"
[ "$broken" -eq 0 ]
