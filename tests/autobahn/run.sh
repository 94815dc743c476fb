#!/usr/bin/env bash
# Runs the Autobahn suite, the WebSocket implementers' own conformance tests, against our framing.
#
# usage: tests/autobahn/run.sh [CASE...]     cases as "1.*" or "6.4.1"; all that apply by default
#
# The suite wants Python 2.7: set PYTHON27 to one, or have it in PATH or in pyenv. Where there is
# none this fails; SKIP_AUTOBAHN=1 leaves it out, and the last line says so.
# Everything is made under target/autobahn; the report is target/autobahn/report/index.html.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${CARGO_TARGET_DIR:-$root/target}/autobahn
suite=autobahntestsuite==25.10.1
# The last virtualenv that makes environments for Python 2.7.
virtualenv=virtualenv==20.15.1

# Prints the command line of a Python 2.7, if there is one.
find_python() {
    local candidate
    for candidate in "${PYTHON27:-}" python2.7 "env PYENV_VERSION=2.7.18 python2.7" python2; do
        # Word splitting is wanted: a candidate may be a command with arguments.
        # shellcheck disable=SC2086
        if [ -n "$candidate" ] && $candidate -c \
            'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# Makes the environment with the suite, unless it is there.
install_suite() {
    [ -x "$work/env/bin/wstest" ] && return
    rm -rf "$work/env" "$work/virtualenv"
    # shellcheck disable=SC2086
    $python -m pip --disable-pip-version-check install --quiet --target "$work/virtualenv" \
        "$virtualenv" 2>&1 | grep -v DEPRECATION >&2 || true
    # shellcheck disable=SC2086
    PYTHONPATH="$work/virtualenv" $python -m virtualenv --quiet "$work/env" || return
    "$work/env/bin/pip" --disable-pip-version-check install --quiet "$suite" 2>&1 |
        grep -v DEPRECATION >&2 || true
    [ -x "$work/env/bin/wstest" ]
}

# Starts the echo server; sets server and url.
start_server() {
    cargo build --quiet --manifest-path "$root/Cargo.toml" -p transport-websocket --example echo
    local echo=${CARGO_TARGET_DIR:-$root/target}/debug/examples/echo
    coproc SERVER { exec "$echo" 127.0.0.1:0 2>"$work/echo.log"; }
    server=$SERVER_PID
    trap 'kill "$server" 2>/dev/null || true' EXIT
    read -r url <&"${SERVER[0]}"
}

# Quotes its arguments as a JSON list.
json_list() {
    printf '['
    local separator='' item
    for item in "$@"; do
        printf '%s"%s"' "$separator" "$item"
        separator=', '
    done
    printf ']'
}

if [ "${SKIP_AUTOBAHN:-0}" != 0 ]; then
    echo "autobahn: SKIPPED on request (SKIP_AUTOBAHN)"
    exit 0
fi
if ! python=$(find_python); then
    echo "autobahn: FAILED: no Python 2.7 here (set PYTHON27, or SKIP_AUTOBAHN=1 to leave it out)"
    exit 1
fi

mkdir -p "$work"
rm -rf "$work/report"
if ! install_suite; then
    echo "autobahn: FAILED: $suite can't be installed under $work/env"
    exit 1
fi
start_server

cases=("$@")
left_out=()
if [ ${#cases[@]} -eq 0 ]; then
    cases=('*')
    # 9 is about speed and large messages, 12 and 13 about compression, which isn't spoken.
    left_out=('9.*' '12.*' '13.*')
fi
cat >"$work/spec.json" <<SPEC
{
    "outdir": "$work/report",
    "servers": [{"agent": "broker", "url": "$url"}],
    "cases": $(json_list "${cases[@]}"),
    "exclude-cases": $(json_list "${left_out[@]}"),
    "exclude-agent-cases": {}
}
SPEC
(cd "$work" && timeout 300 env/bin/wstest -m fuzzingclient -s spec.json >wstest.log 2>&1) ||
    echo "autobahn: wstest ended with an error, see $work/wstest.log" >&2
python3 "$here/judge.py" "$work/report/index.json"
