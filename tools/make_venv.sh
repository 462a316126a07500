#!/bin/sh
# Make the virtual environment $1 with the interpreter $2, or with the first Python 3.11+ found when $2 is empty.
# Says in one line what to install when something is missing, and leaves nothing half-made behind.
set -eu

venv=$1
wanted=${2:-}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if [ -n "$wanted" ]; then
    version=$(version_of "$wanted") || fail "PYTHON=$wanted does not run; name a Python 3.11 or newer."
    new_enough "$wanted" || fail "Python 3.11 or newer is needed, $wanted is $version; choose another with PYTHON=..."
    python=$wanted
else
    python=
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if new_enough "$candidate"; then
            python=$candidate
            break
        fi
    done
    if [ -z "$python" ]; then
        found=$(version_of python3 || echo none)
        fail "Python 3.11 or newer is needed (python3 here: $found); install one and name it: make PYTHON=/path/to/python3.11"
    fi
    version=$(version_of "$python")
fi

"$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
    fail "Python's venv module is missing; install it with: apt-get install python$version-venv"

if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ]; then
    fail "$venv exists and is no virtual environment; move it away or name another place with VENV=..."
fi

"$python" -m venv --clear "$venv" || {
    rm -rf "$venv"
    fail "$python could not make $venv"
}
