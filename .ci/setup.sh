# Sourced by start and test: leaves a virtual environment with circuitviz in $VENV, and stands in the
# checkout's root. Does nothing, and needs no network, where everything is there already.
# CIRCUITVIZ_VENV names another place for the environment; PYTHON another interpreter.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
VENV=${CIRCUITVIZ_VENV:-$PWD/.venv}

# Off a terminal only errors are said: pip's progress would fill a log.
PIP_SAYS=(--quiet --quiet)
[ ! -t 1 ] || PIP_SAYS=(--disable-pip-version-check)

say() { printf '\033[1m%s\033[0m\n' "circuitviz: $*" >&2; }
stop() {
  say "$*"
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    stop "system packages are missing and there is no sudo; run as root: $*"
  fi
}

apt_install() {
  command -v apt-get >/dev/null || stop "no apt-get here; install what these packages hold: $*"
  say "installing system packages: $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}

works() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
    if works "$name"; then
      echo "$name"
      return
    fi
  done
  return 1
}

# Prints the Debian packages of the libraries that Qt opens and that are missing.
missing_packages() { "$VENV/bin/python" -I circuitviz/cli/qt_libraries.py; }

make_environment() {
  local python
  [ -x "$VENV/bin/python" ] && works "$VENV/bin/python" && return
  python=$(find_python) || { apt_install python3 && python=$(find_python); } ||
    stop "Python 3.11 or later is needed; name one with PYTHON=/path/to/python3.11"
  say "making $VENV with $("$python" --version)"
  # Debian keeps ensurepip, without which venv fails, in a package of its own
  "$python" -c 'import ensurepip' 2>/dev/null || apt_install python3-venv
  "$python" -m venv --clear "$VENV"
}

# setup [EXTRAS]: pip runs again only when pyproject.toml or the extras changed
setup() {
  local stamp packages
  make_environment
  packages=$(missing_packages)
  # shellcheck disable=SC2086 # a list of words
  [ -z "$packages" ] || apt_install $packages
  stamp="$(cksum <pyproject.toml) $PWD ${1:-}"
  if [ "$(cat "$VENV/circuitviz.stamp" 2>/dev/null)" != "$stamp" ]; then
    say "installing Python packages (torch is large; minutes the first time)"
    "$VENV/bin/python" -m pip install "${PIP_SAYS[@]}" --editable ".${1:-}"
    echo "$stamp" >"$VENV/circuitviz.stamp"
  fi
}
