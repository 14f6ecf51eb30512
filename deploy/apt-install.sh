# Installs the Debian packages of a list whose command or file is missing.
# usage: apt-install.sh LIST      (a file, or - for standard input)
# Each line of the list: a command's name, or a file's absolute path, or - (always missing); then
# the package that brings it.
set -eu

missing=$(sed -e 's/#.*//' -- "$([ "$1" = - ] && echo /dev/stdin || echo "$1")" |
    while read -r thing package; do
        case $thing in
            "") continue ;;
            /*) [ -e "$thing" ] && continue ;;
            *) command -v "$thing" >/dev/null 2>&1 && continue ;;
        esac
        echo "$package"
    done)
[ -n "$missing" ] || exit 0
missing=$(echo "$missing" | tr '\n' ' ' | sed 's/ $//')

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing here, please install: $missing" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
    as_root=sudo
    [ -t 0 ] || as_root="sudo -n" # nobody there to type a password
    if ! command -v sudo >/dev/null 2>&1 || ! $as_root true; then
        echo "Missing here; please run as root: apt-get install $missing" >&2
        exit 1
    fi
fi
echo "Installing Debian packages: $missing ..."
log=$(mktemp)
# shellcheck disable=SC2086  # a list of words is meant
if ! { $as_root apt-get update -q &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } \
    >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    exit 1
fi
rm -f "$log"
