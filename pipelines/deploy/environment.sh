#!/bin/sh
# Makes the virtual environment from a lock file: environment.sh FOLDER LOCK. Needs python3 (3.11 or later) and nothing else.
set -eu
folder=$1
lock=$2

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "python3 is $(python3 --version 2>&1), but 3.11 or later is needed" >&2
    exit 1
}

if [ ! -x "$folder/bin/python" ] || ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    # Debian keeps what makes environments in a package of its own.
    if ! python3 -c 'import ensurepip' 2>/dev/null; then
        admin=""
        [ "$(id -u)" = 0 ] || admin=sudo
        echo "installing python3-venv ..."
        $admin apt-get update -qq >/dev/null && $admin apt-get install -y -qq python3-venv >/dev/null || {
            echo "python3 cannot make virtual environments here: install the package python3-venv and try again" >&2
            exit 1
        }
    fi
    python3 -m venv --clear "$folder"
fi
echo "installing the locked packages into $folder ..."
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
