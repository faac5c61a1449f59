#!/usr/bin/env bash
# Runs the tests of the parts it is given (lint unit fuzz integration e2e chaos), two programs at a time, and
# counts their checks. A program that fails has its whole output printed; a skip is told with its reason. The
# last line is "N passed, N failed", with ", N skipped" where there were skips.
#
#   BUILD       the build folder, in the clone; build unless set
#   TEST_JOBS   programs at a time; 2 unless set
#   TEST_ONLY   only programs whose name has this in it
#   TEST_KEEP   not empty: the worlds of failed programs stay in var/test
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
top=$PWD
export BUILD=${BUILD:-build} PYTHONDONTWRITEBYTECODE=1

run=$top/var/test/$$
passed=0 failed=0 skipped=0

purge_worlds() {
  local world

  for world in "$1"/*/*/; do
    [ ! -e "$world/lock" ] || ARPF_WORLD=$world deploy/embedded/down.sh --purge || true
  done
  rm -rf "$1"
}

# What a run that was killed left behind.
purge_stale_runs() {
  local folder

  for folder in var/test/*/; do
    [ ! -d "$folder" ] || [ -d "/proc/$(basename "$folder")" ] || purge_worlds "$top/${folder%/}"
  done
}

end() {
  local pids

  mapfile -t pids < <(jobs -p)
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait
  [ -n "${TEST_KEEP:-}" ] || purge_worlds "$run"
}

# The limits are for what hangs: they are many times what a program needs, because a machine may be busy with
# other things. Slow builds and the long form get more time: a factor on every limit.
case $BUILD in
  *thread*) slowness=8 ;;
  *address*) slowness=4 ;;
  *) slowness=1 ;;
esac
[ "${CHAOS:-}" != long ] || slowness=$((slowness * 4))
export CK_DEFAULT_TIMEOUT=$((300 * slowness))
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

# Lines of: part, seconds allowed, program, argument.
programs_of() {
  local program

  case $1 in
    lint) echo "lint 900 tests/lint.sh" ;;
    unit | integration)
      for program in tests/"$1"/test_*.c; do
        [ ! -f "$program" ] || echo "$1 $((600 * slowness)) $BUILD/${program%.c}"
      done
      ;;
    fuzz)
      for program in tests/fuzz/fuzz_*.c; do
        program=$(basename "${program%.c}")
        echo "fuzz $((300 * slowness)) $BUILD/tests/fuzz/replay_${program#fuzz_} tests/fuzz/corpus/${program#fuzz_}"
      done
      ;;
    e2e | chaos)
      for program in tests/"$1"/test_*.py; do
        [ ! -f "$program" ] || echo "$1 $((900 * slowness)) $program"
      done
      ;;
    *)
      echo "no such part: $1" >&2
      exit 2
      ;;
  esac
}

run_program() {
  local name=$1 limit=$2 began=$SECONDS status=0

  shift 2

  mkdir -p "$run/$name"
  TEST_FOLDER=$run/$name timeout -k 10 "$limit" "$@" >"$run/$name.log" 2>&1 || status=$?
  echo "$status $((SECONDS - began))" >"$run/$name.status"
}

# The two forms of a program's account: check's, and "N passed, N failed, N skipped".
count() {
  awk '
    match($0, /Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/) {
      split(substr($0, RSTART, RLENGTH), n, /[^0-9]+/); told = 1
      bad += n[3] + n[4]; good += n[2] - n[3] - n[4]
    }
    /^[0-9]+ passed, [0-9]+ failed/ { told = 1; good += $1; bad += $3; left += $5 }
    /^skip(ped)?:/ { left++ }
    END { print good + 0, bad + 0, left + 0, told + 0 }' "$1"
}

reasons() {
  grep -hoE "^skip(ped)?: .*|\.\.\. skipped .*" "$1" | sort | uniq -c || true
}

report() {
  local name=$1 status seconds good bad left told

  read -r status seconds <"$run/$name.status"
  read -r good bad left told < <(count "$run/$name.log")
  if [ "$told" -eq 0 ] || { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
    bad=$((bad + 1))
  fi
  # What deps installs is there in CI, so that nothing may be skipped for want of it.
  if [ "${CI:-}" = true ] && reasons "$run/$name.log" | grep -qE "not installed|not found|missing"; then
    bad=$((bad + 1))
  fi
  if [ "$bad" -gt 0 ]; then
    echo "---- $name failed (exit $status$([ "$status" -ne 124 ] || echo ", out of time")):"
    cat "$run/$name.log"
    echo "----"
  fi
  printf '%-7s %-36s %5d passed  %3d failed  %4d s\n' \
    "$([ "$bad" -eq 0 ] && echo ok || echo FAILED)" "$name" "$good" "$bad" "$seconds"
  [ "$left" -eq 0 ] || reasons "$run/$name.log"
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
}

report_ended() {
  local name

  for name in "${!running[@]}"; do
    [ -f "$run/$name.status" ] || continue
    report "$name"
    unset "running[$name]"
  done
}

purge_stale_runs
mkdir -p "$run"
trap end EXIT
trap 'exit 130' INT TERM

declare -A running=()
for part in "$@"; do
  while read -r part limit program argument; do
    name=$part-$(basename "${program%.*}")
    [[ $name == *${TEST_ONLY:-}* ]] || continue
    while [ ${#running[@]} -ge "${TEST_JOBS:-2}" ]; do
      wait -n || true
      report_ended
    done
    running[$name]=1
    run_program "$name" "$limit" "$program" ${argument:+"$argument"} &
  done < <(programs_of "$part")
done
wait
report_ended

echo "$passed passed, $failed failed$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
