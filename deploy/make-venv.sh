# Makes a virtual environment with the first Python found that is new enough; one that is there
# already, and is new enough, is kept.
# usage: make-venv.sh FOLDER
set -eu
folder=$1

is_new_enough() {
    # A name on PATH proves nothing (version managers leave stand-ins): ask the interpreter.
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if is_new_enough "$folder/bin/python" && "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi
for name in python3.13 python3.12 python3.11 python3; do
    if is_new_enough "$name"; then
        python=$name
        break
    fi
done
if [ -z "${python:-}" ]; then
    echo "Sans Verre needs Python 3.11 or newer: none of python3.13, python3.12, python3.11," \
        "python3 is one. On Debian 12 or later: apt-get install python3 python3-venv" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$python lacks venv: installing the Debian package python$version-venv."
    sh "$(dirname "$0")/apt-install.sh" - <<LIST
- python$version-venv
LIST
fi
echo "Creating $folder with $("$python" --version) ..."
"$python" -m venv --clear "$folder"
