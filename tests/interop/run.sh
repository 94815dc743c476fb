#!/bin/sh
# Runs the interoperability tests against a broker: the one at $BROKER_URL, or one that is started here
# with $BROKER_COMMAND, in which PORT stands for a free port. The last line is the sum of both programs.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${INTEROP_DIR:-$root/target/interop}
command=${BROKER_COMMAND:-target/release/broker --listen ws://127.0.0.1:PORT}
broker=

cleanup() {
    if [ -n "$broker" ]; then
        kill "$broker" 2>/dev/null
        wait "$broker" 2>/dev/null
    fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    echo "$1" >&2
    echo "0 passed, 1 failed"
    exit 1
}

mkdir -p "$work/javascript"
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv" || fail "no python venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/python/requirements.txt" ||
    fail "python dependencies can't be installed"
# node looks for packages beside the program: so the program is copied to them
cp "$here/javascript/"*.mjs "$here/javascript/"*.json "$work/javascript/" || fail "no javascript test"
(cd "$work/javascript" && npm ci --silent --no-audit --no-fund) || fail "javascript dependencies can't be installed"

if [ -z "${BROKER_URL:-}" ]; then
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cd "$root" || exit 1
    words=$(printf '%s' "$command" | sed "s/PORT/$port/g")
    $words >"$work/broker.log" 2>&1 &
    broker=$!
    BROKER_URL=ws://127.0.0.1:$port/
    tries=0
    until python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null; do
        tries=$((tries + 1))
        kill -0 "$broker" 2>/dev/null || fail "the broker ended: $(tail -n 3 "$work/broker.log")"
        [ "$tries" -lt 100 ] || fail "the broker doesn't accept on port $port"
        sleep 0.1
    done
fi
export BROKER_URL

echo "== python, bincode"
PYTHONDONTWRITEBYTECODE=1 timeout 600 "$work/venv/bin/python" "$here/python/test.py" | tee "$work/python.out"
echo "== javascript, json"
timeout 600 node "$work/javascript/test.mjs" | tee "$work/javascript.out"

# A program that ended before its sum counts as one failure.
for out in python javascript; do
    tail -n 1 "$work/$out.out" | grep -Ex '[0-9]+ passed, [0-9]+ failed' || echo "0 passed, 1 failed"
done | awk '{ passed += $1; failed += $3 }
    END { print passed " passed, " failed " failed"; exit failed > 0 }'
