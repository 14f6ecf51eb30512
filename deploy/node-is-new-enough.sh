# Succeeds where npm and a Node of at least 20.19 (what the viewer's build needs) are on PATH.
set -eu
command -v npm >/dev/null 2>&1 || exit 1
node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
