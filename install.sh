#!/usr/bin/env bash
# Makes a Python environment with what the suite needs, or finds the one made before.
#
#   ./install.sh [FILE...]   requirements.txt, and these requirement files too
#   ./install.sh --which     only find the interpreter and print its path
#
# The only line on standard output is the path of the environment's Python:
#
#   python=$(./install.sh)
#
# VENV    the environment's folder, .venv beside this script if not set.
# PYTHON  the interpreter to use, or a version (3.7 to 3.11) to look for. If not set:
#         the interpreter of the environment made before; a python3.7 that starts;
#         pyenv's; conda's, made if need be; then 3.11, 3.10, 3.9, 3.8.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
venv=${VENV:-$here/.venv}
case $venv in /*) ;; *) venv=$PWD/$venv ;; esac

say() { printf 'install.sh: %s\n' "$*" >&2; }

fail() {
  say "error: $*"
  exit 2
}

# Prints the version ("3.7.16") of a Python that starts. A pyenv shim without a
# version behind it, or no such file, prints nothing.
version_of() {
  "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || true
}

supported() {
  case $1 in
    3.7.* | 3.8.* | 3.9.* | 3.10.* | 3.11.*) ;;
    *) return 1 ;;
  esac
}

# Whether this Python can hold the environment: Debian's may lack what makes one, and
# TensorFlow 1.15 (Python 3.7) was published for 64-bit x86 alone.
usable() {
  "$1" -c '
import ensurepip, platform, sys, venv
x86 = platform.machine().lower() in ("x86_64", "amd64")
sys.exit(sys.version_info < (3, 8) and not x86)' >/dev/null 2>&1
}

# first_of VERSION CANDIDATE...: prints the first usable Python of that version.
first_of() {
  local wanted=$1 candidate
  shift
  for candidate in "$@"; do
    case $(version_of "$candidate") in
      "$wanted".*) ;;
      *) continue ;;
    esac
    if usable "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  return 1
}

# A name may stand several times on PATH, and the first one need not start.
on_path() {
  local IFS=$'\n'
  # shellcheck disable=SC2046  # one candidate a line
  first_of "$1" $(type -aP "python$1" python3 python || true)
}

from_pyenv() {
  first_of "$1" "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/"$1"*/bin/python
}

from_conda() {
  local conda base made="$venv-conda"
  conda=$(type -P conda || printf '%s' "${CONDA_EXE:-}")
  [ -n "$conda" ] && base=$("$conda" info --base 2>/dev/null) || return 1
  first_of "$1" "${CONDA_PREFIX:-$base}/bin/python" "$base/bin/python" \
    "$base"/envs/*/bin/python "$made/bin/python" && return
  say "asking conda for Python $1 in $made"
  "$conda" create --yes --quiet --prefix "$made" "python=$1" >&2 || return 1
  first_of "$1" "$made/bin/python"
}

find_version() {
  on_path "$1" || from_pyenv "$1" || { [ "$1" = 3.7 ] && from_conda "$1"; }
}

# Prints the interpreter to use, by the order at the head of this file.
choose() {
  local version versions="3.7 3.11 3.10 3.9 3.8"
  case ${PYTHON:-} in
    "") ;;
    3.7 | 3.8 | 3.9 | 3.10 | 3.11) versions=$PYTHON ;;
    *) given && return ;;
  esac
  for version in $versions; do
    find_version "$version" && return
  done
  fail "no usable Python ${PYTHON:-3.7 to 3.11} was found; install one, for example" \
    "with 'pyenv install ${PYTHON:-3.7}' or" \
    "'apt install python${PYTHON:-3.11}-venv', and run this again"
}

# Prints $PYTHON, the name or path of an interpreter, if it will do.
given() {
  local version
  version=$(version_of "$PYTHON")
  [ -n "$version" ] || fail "PYTHON=$PYTHON does not start; name a Python 3.7 to 3.11"
  supported "$version" ||
    fail "PYTHON=$PYTHON is Python $version; name a Python 3.7 to 3.11"
  usable "$PYTHON" || fail "PYTHON=$PYTHON (Python $version) cannot be used;" \
    "install its venv module, or take 3.8 to 3.11 where this is no 64-bit x86"
  type -P "$PYTHON"
}

# Whether the environment made before can be used: it is not half-made, it starts, and
# its Python is the one asked for.
serves() {
  local version
  [ ! -e "$venv/unfinished" ] || return 1
  version=$(version_of "$venv/bin/python")
  supported "$version" || return 1
  case ${PYTHON:-} in
    "") ;;
    3.7 | 3.8 | 3.9 | 3.10 | 3.11) [ "${version%.*}" = "$PYTHON" ] ;;
    *) [ "$version" = "$(version_of "$PYTHON")" ] ;;
  esac
}

# Makes an empty environment, in place of an older one. `unfinished` stands in it until
# everything is installed, so that an interrupted run is noticed by the next one. A
# folder that this script did not make is never emptied.
make_environment() {
  if [ -n "$(ls -A "$venv" 2>/dev/null)" ] && [ ! -e "$venv/unfinished" ] &&
    [ ! -e "$venv/installed" ]; then
    fail "$venv is not an environment made by this script;" \
      "remove it or name another folder in VENV"
  fi
  { mkdir -p "$venv" && touch "$venv/unfinished"; } 2>/dev/null ||
    fail "$venv cannot be written"
  say "making $venv with $1, Python $(version_of "$1")"
  find "$venv/" -mindepth 1 -maxdepth 1 ! -name unfinished -exec rm -rf {} +
  "$1" -m venv "$venv" >&2 || fail "$1 could not make $venv; see above"
  # The pip that came with an old Python may not know today's packages.
  pip_install --upgrade pip
}

pip_install() {
  touch "$venv/unfinished"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2 ||
    fail "pip could not install the packages; see above"
}

# Where the environment keeps its copy of a requirement file that was installed.
record() {
  local name=${1#"$here/"}
  printf '%s/installed/%s' "$venv" "${name//\//%}"
}

# Installs the requirement files together, so that pip fits their versions to each
# other, unless the environment has every one of them as it is now.
install_files() {
  local file missing="" options=()
  for file in "$@"; do
    cmp -s "$file" "$(record "$file")" || missing=1
    options+=(--requirement "$file")
  done
  [ -n "$missing" ] || return 0
  say "installing ${*#"$here/"} (TensorFlow may take some minutes)"
  pip_install "${options[@]}"
  mkdir -p "$venv/installed"
  for file in "$@"; do
    cp "$file" "$(record "$file")"
  done
  rm "$venv/unfinished"
}

main() {
  local file interpreter files=("$here/requirements.txt")
  case ${1:-} in
    --which)
      choose
      return
      ;;
    --help | -h)
      sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
      return
      ;;
    -*) fail "no such flag: $1; see ./install.sh --help" ;;
  esac
  for file in "$@"; do
    [ -r "$file" ] || fail "$file: no such requirement file"
    files+=("$(cd "$(dirname "$file")" && pwd)/$(basename "$file")")
  done
  if ! serves; then
    interpreter=$(choose)
    make_environment "$interpreter"
  fi
  install_files "${files[@]}"
  printf '%s\n' "$venv/bin/python"
}

main "$@"
