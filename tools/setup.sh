#!/bin/sh
# Makes the virtual environment that every make target uses: tools/setup.sh VENV ROOM...
# As root on Debian it installs the venv module when the system's Python lacks it.
set -eu
venv=$1; shift
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "setup: $python is older than 3.11; name a newer one: make PYTHON=/path/to/python3.12" >&2
    exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -q && apt-get install -qy python3-venv
    else
        echo "setup: $python has no venv module; install it (Debian: apt-get install python3-venv)" >&2
        exit 1
    fi
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e ".[master,cluster,dev]"

site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
: > "$site/disco-rooms.pth"
for room in "$@"; do
    echo "$PWD/$room" >> "$site/disco-rooms.pth"
done
