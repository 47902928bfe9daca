#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds with AddressSanitizer and UndefinedBehaviorSanitizer, runs every
# everyday test. Exit 0 only if all passed and no process was left behind.
#
# check.sh [--nightly|--coverage|--debian13] [ctest arguments...]    e.g. check.sh -R e2e/02
#   --nightly    then the long tests too, the concurrent ones under ThreadSanitizer, and the fuzzers
#   --coverage   instead: the same tests in a build that counts, then which share of the lines they ran
#   --debian13   instead: the same on Debian 13, in a root folder of its own (build/debian13); by root
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib/processes.sh
. tools/lib/coverage.sh
. tools/lib/debian13.sh

what=everyday
case ${1:-} in
--nightly | --coverage | --debian13)
    what=${1#--}
    shift
    ;;
--help)
    sed -n '3,9s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

fuzz_seconds=${FUZZ_SECONDS:-60}
jobs=$(nproc)
started=$SECONDS
results=()
session=$(mktemp "${TMPDIR:-/tmp}/contact-vault-check.XXXXXX")

finish() {
    local code=$?
    if [ -s "$session" ]; then end_session "$(cat "$session")" || code=1; fi
    rm -f "$session"
    exit $code
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# guarded NAME command...: in a session of its own; notes whether it passed and left nothing behind.
guarded() {
    local name=$1 code=0
    shift
    : >"$session"
    # In the background, so that Ctrl-C is heard while it runs.
    run_in_session "$session" "$@" &
    wait $! || code=$?
    end_session "$(cat "$session")" || code=1
    : >"$session"
    if [ $code -eq 0 ]; then results+=("passed  $name"); else results+=("FAILED  $name"); fi
}
compile() { # PRESET
    echo "== build: $1"
    cmake --preset "$1" >"build/$1.configure.log" 2>&1 || {
        cat "build/$1.configure.log"
        exit 1
    }
    cmake --build --preset "$1" -- -j "$jobs"
}
run_tests() { # NAME PRESET ctest arguments...
    local name=$1 preset=$2
    shift 2
    echo "== $name"
    guarded "$name" ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$jobs" "$@"
}

fuzz() {
    local fuzzer name
    echo "== fuzzers, $fuzz_seconds seconds each"
    cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g" \
        -DCMAKE_C_COMPILER="$clang" -DCMAKE_CXX_COMPILER="${clang/clang/clang++}" \
        -DCONTACT_VAULT_SANITIZE=address,undefined,fuzzer-no-link >build/fuzz.configure.log 2>&1 || {
        cat build/fuzz.configure.log
        results+=("FAILED  fuzzers: configure")
        return
    }
    for fuzzer in tests/fuzz/fuzz_*.c; do
        name=$(basename "$fuzzer" .c)
        cmake --build build/fuzz --target "$name" -- -j "$jobs" >build/fuzz.build.log 2>&1 || {
            cat build/fuzz.build.log
            results+=("FAILED  $name: build")
            continue
        }
        mkdir -p "build/fuzz/found/$name" "tests/fuzz/corpus/${name#fuzz_}"
        # New inputs go to the first folder; the committed corpus is only read.
        guarded "$name" "build/fuzz/tests/$name" -max_total_time="$fuzz_seconds" -print_final_stats=1 \
            -artifact_prefix="build/fuzz/found/$name-" "build/fuzz/found/$name" "tests/fuzz/corpus/${name#fuzz_}"
    done
}

everyday() {
    compile dev
    run_tests "everyday tests" dev -LE nightly "$@"
}
nightly() {
    clang=$(command -v clang-14 || command -v clang)
    everyday "$@"
    run_tests "nightly tests" dev -L nightly "$@"
    compile tsan
    run_tests "units under ThreadSanitizer" tsan -L 'unit|contract' -LE nightly "$@"
    run_tests "the kill test under ThreadSanitizer" tsan -R '^e2e/04_kill$'
    fuzz
}
# What is installed is another build, and the rules about the tree run nothing of it: both left out.
coverage() {
    compile coverage
    coverage_forget
    run_tests "everyday tests, counted" coverage -LE 'nightly|check' -E '^build/release$|^e2e/2[23]_' "$@"
    coverage_print || results+=("FAILED  coverage")
}
# check.sh in there says what passed; here it is one line.
debian13() {
    local command
    debian13_prepare || exit 1
    debian13_command "$@"
    guarded "Debian 13" "${command[@]}"
}

mkdir -p build
case $what in
everyday) tools/install-deps.sh check ;;
*) tools/install-deps.sh "$what" ;;
esac
"$what" "$@"

echo "== $((SECONDS - started)) seconds"
printf '%s\n' "${results[@]}"
case "${results[*]}" in *FAILED*) exit 1 ;; esac
