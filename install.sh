#!/usr/bin/env bash
# Makes a Python environment with what the suite needs, or finds the one made before.
#
#   ./install.sh [FILE...]   the suite's requirements, and these requirement files too
#   ./install.sh --which     only find the interpreter and print its path
#   ./install.sh --with=horovod [FILE...]   Horovod as well, for several processes
#
# Standard output is the path of the environment's Python alone: python=$(./install.sh)
# VENV    the environment's folder, .venv beside this script if not set.
# PYTHON  the interpreter to use, or a version (3.7 to 3.13) to look for. If not set:
#         the interpreter of the environment made before; a Python 3.7, unless there is
#         an NVIDIA card that its TensorFlow 1.15 cannot use; the newest of 3.13 to 3.8;
#         if there is none, one that uv or conda can get. See docs/installing.md.
# GPU     1 for TensorFlow with CUDA (requirements-gpu.txt), 0 for TensorFlow without
#         (requirements.txt). If not set: as in the environment made before; with CUDA
#         if nvidia-smi reports a card that can be used. See docs/gpu.md.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
venv=${VENV:-$here/.venv}
case $venv in /*) ;; *) venv=$PWD/$venv ;; esac
# For a uv got by pip, and for the Pythons that uv gets.
uv_folder=$venv-uv

newest=3.13
# For these CUDA comes by pip; 3.8 and 3.7 need that of the machine.
with_cuda="3.13 3.12 3.11 3.10 3.9"
# The oldest driver for CUDA 12.x, by the compatibility table in NVIDIA's release notes
# of the CUDA Toolkit.
cuda12_driver=525.60.13
# The oldest compute capability that TensorFlow 2.20 and 2.21 are compiled for, by
# tf.sysconfig.get_build_info().
cuda12_card=6.0
# The latest one that CUDA 10.0 knows, for which TensorFlow 1.15 is built: Turing.
cuda10_card=7.5

say() { printf 'install.sh: %s\n' "$*" >&2; }

fail() {
  say "error: $*"
  exit 2
}

# at_least NUMBER MINIMUM: compares 535.104.05 and the like, up to three parts.
at_least() {
  local i IFS=.
  # shellcheck disable=SC2206  # split at the dots
  local number=($1) minimum=($2)
  for i in 0 1 2; do
    ((10#${number[i]:-0} > 10#${minimum[i]:-0})) && return 0
    ((10#${number[i]:-0} < 10#${minimum[i]:-0})) && return 1
  done
  return 0
}

# ---- Pythons

# Prints the version ("3.7.16") of a Python that starts. A pyenv shim without a
# version behind it, or no such file, prints nothing.
version_of() {
  "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || true
}

is_version() { [[ $1 =~ ^3\.([7-9]|1[0-3])$ ]]; }

# supported 3.7.16
supported() { is_version "${1%.*}"; }

# Whether TensorFlow was published for this Python's machine: 1.15 (Python 3.7) for
# 64-bit x86 alone, 2.21 (from 3.12 on) not for Macs with x86.
published() {
  "$1" -c '
import platform, sys
x86 = platform.machine().lower() in ("x86_64", "amd64")
version = sys.version_info[:2]
mac = sys.platform == "darwin"
none = (version < (3, 8) and not x86) or (version > (3, 11) and mac and x86)
sys.exit(none or sys.maxsize < 2**32)' >/dev/null 2>&1
}

# Debian's Python may lack what makes environments.
has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }
has_virtualenv() { "$1" -c 'import virtualenv' >/dev/null 2>&1; }

makes_environments() {
  has_venv "$1" || has_virtualenv "$1" || type -P uv >/dev/null
}

# first_of VERSION CANDIDATE...: prints the first usable Python of that version.
first_of() {
  local wanted=$1 candidate
  shift
  for candidate in "$@"; do
    # An environment that is active is on PATH, and may be about to be made anew.
    [[ $candidate != "$venv"/* ]] || continue
    [[ $(version_of "$candidate") == "$wanted".* ]] || continue
    if published "$candidate" && makes_environments "$candidate"; then
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

conda() { type -P conda || type -P "${CONDA_EXE:-}"; }

from_conda() {
  [ -n "$conda_base" ] || return 1
  first_of "$1" "${CONDA_PREFIX:-$conda_base}/bin/python" "$conda_base/bin/python" \
    "$conda_base"/envs/*/bin/python "$venv-conda/bin/python"
}

from_uv() {
  local data=${XDG_DATA_HOME:-${HOME:-}/.local/share}
  first_of "$1" "${UV_PYTHON_INSTALL_DIR:-$data/uv/python}"/*/bin/python3 \
    "$uv_folder"/python/*/bin/python3
}

find_version() { on_path "$1" || from_pyenv "$1" || from_conda "$1" || from_uv "$1"; }

# Prints the uv of this machine, or one that any Python at all can install.
uv() {
  local python made=$uv_folder/bin/uv
  type -P uv || type -P "$made" && return
  for python in python3 python; do
    has_venv "$python" || continue
    say "getting uv by pip, into $uv_folder"
    "$python" -m venv "$uv_folder" >&2 &&
      "$uv_folder/bin/python" -m pip install --quiet uv >&2 &&
      type -P "$made" && return
  done
  return 1
}

# Gets a Python of this version and prints its path.
get_python() {
  local uv conda folder=$uv_folder/python
  if uv=$(uv); then
    say "getting Python $1 by uv, into $folder"
    UV_PYTHON_INSTALL_DIR=$folder UV_PYTHON_BIN_DIR=$uv_folder/bin \
      "$uv" python install "$1" >&2 || true
    first_of "$1" "$folder"/*/bin/python3 && return
  fi
  conda=$(conda) || return 1
  say "getting Python $1 by conda, into $venv-conda"
  "$conda" create --yes --quiet --prefix "$venv-conda" "python=$1" >&2 || return 1
  first_of "$1" "$venv-conda/bin/python"
}

# Prints the interpreter to use, by the order at the head of this file.
choose() {
  local version conda conda_base="" last="" order="3.7 $with_cuda 3.8"
  if is_version "${PYTHON:-}"; then
    order=$PYTHON
  elif [ -n "${PYTHON:-}" ]; then
    given
    return
  elif card_needs_tensorflow2; then
    order=$with_cuda last="3.8 3.7"
  fi
  if conda=$(conda); then
    conda_base=$("$conda" info --base 2>/dev/null) || true
  fi
  for version in $order; do
    find_version "$version" && return
  done
  get_python "${PYTHON:-$newest}" && return
  for version in $last; do
    find_version "$version" && return
  done
  fail "$(advice)"
}

# Prints what to do where no Python will do and none could be got.
advice() {
  local python version
  for python in "python${PYTHON:-3}" python3 python; do
    version=$(version_of "$python")
    [ "${version%.*}" = "${PYTHON:-${version%.*}}" ] || continue
    if supported "$version" && published "$python" &&
      ! makes_environments "$python"; then
      printf '%s' "$python (Python $version) cannot make environments;" \
        " run 'apt install python${version%.*}-venv', then this again"
      return
    fi
  done
  version=$(version_of python3)
  printf '%s' "no usable Python ${PYTHON:-3.7 to $newest} was found" \
    "${version:+ (python3 is $version)}; install one, for example with" \
    " 'uv python install ${PYTHON:-$newest}' or 'pyenv install ${PYTHON:-$newest}'," \
    " and run this again"
}

# Prints $PYTHON, the name or path of an interpreter, if it will do.
given() {
  local version range="name a Python 3.7 to $newest"
  version=$(version_of "$PYTHON")
  [ -n "$version" ] || fail "PYTHON=$PYTHON does not start; $range"
  supported "$version" || fail "PYTHON=$PYTHON is Python $version; $range"
  published "$PYTHON" || fail "PYTHON=$PYTHON is Python $version, for which no" \
    "TensorFlow was published on this machine; see docs/installing.md"
  makes_environments "$PYTHON" || fail "PYTHON=$PYTHON cannot make environments;" \
    "install its venv module ('apt install python${version%.*}-venv')"
  type -P "$PYTHON"
}

# ---- The card: its name ("" without), compute capability and driver

card="" capability="" driver=""

ask_nvidia_smi() { nvidia-smi "--query-gpu=$1" --format=csv,noheader 2>&1; }

look_for_card() {
  local answer number version name
  case ${GPU:-} in
    "" | 1) ;;
    0) return ;;
    *) fail "GPU=$GPU is neither 1 (with CUDA) nor 0 (without)" ;;
  esac
  if ! type -P nvidia-smi >/dev/null; then
    # Made on a login node, for a machine with a card.
    [ -z "${GPU:-}" ] || card="the card (no nvidia-smi here: not checked)"
    return
  fi
  if ! answer=$(ask_nvidia_smi compute_cap,driver_version,name); then
    # Older drivers do not know compute_cap.
    if ! answer=$(ask_nvidia_smi driver_version,name); then
      say "nvidia-smi finds no card: ${answer%%$'\n'*}"
      return
    fi
    answer=$(printf '%s\n' "$answer" | sed 's/^/unknown, /')
  fi
  # The latest of several cards decides.
  while IFS=, read -r number version name; do
    [ -n "$name" ] || continue
    case $number in *[!0-9.]*) number=$(capability_of "$name") ;; esac
    case $version in *[!0-9.]*) version="" ;; esac
    if [ -z "$card" ] || at_least "$number" "$capability"; then
      card=$name capability=$number driver=$version
    fi
  done < <(printf '%s\n' "$answer" | sed 's/, */,/g')
}

# Prints the highest compute capability that a card of such a name can have.
capability_of() {
  case $1 in
    *"Tesla "[KM]* | *"Quadro "[KM]* | *"GTX "[4-9]*) echo 5.2 ;;
    *GTX* | *"RTX 20"* | *TITAN* | *"Tesla "[PTV]* | *Quadro*) echo 7.5 ;;
    *)
      say "the compute capability of $1 is unknown: taken for a recent card"
      echo 99
      ;;
  esac
}

# Whether the loader finds CUDA 10.0.
has_cuda10() {
  local folder IFS=:
  for folder in ${LD_LIBRARY_PATH:-}; do
    [ ! -e "$folder/libcudart.so.10.0" ] || return 0
  done
  [[ $(PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null) == *libcudart.so.10.0* ]]
}

tensorflow1_sees_card() {
  [ -n "$capability" ] && at_least "$cuda10_card" "$capability" && has_cuda10
}

# Prints why TensorFlow 2 with CUDA 12 would not use the card; nothing if it would.
obstacle() {
  if [ "$(uname -s) $(uname -m)" != "Linux x86_64" ]; then
    echo "TensorFlow has CUDA builds for Linux on x86_64 only"
  elif [ -n "$capability" ] && ! at_least "$capability" "$cuda12_card"; then
    echo "its compute capability $capability is below $cuda12_card"
  elif [ -n "$driver" ] && ! at_least "$driver" "$cuda12_driver"; then
    echo "CUDA 12 needs driver $cuda12_driver or later; update it," \
      "then run GPU=1 ./install.sh"
  fi
}

card_needs_tensorflow2() {
  [ -n "$card" ] && ! tensorflow1_sees_card && [ -z "$(obstacle)" ]
}

# Prints the name of the requirement file for a new environment with Python $1.
requirements_for() {
  if [ -n "$card" ] && [ "$1" != 3.7 ] &&
    { [ "${GPU:-}" = 1 ] || [ -z "$(obstacle)" ]; }; then
    echo requirements-gpu.txt
  else
    echo requirements.txt
  fi
}

# Says in one line what becomes of the card in a new environment with Python $1.
describe_card() {
  local what="$card${driver:+, driver $driver}" obstacle
  [ -n "$card" ] || return 0
  obstacle=$(obstacle)
  if [ "$1" = 3.7 ] && tensorflow1_sees_card; then
    say "$what: TensorFlow 1.15 uses it by the CUDA 10.0 of this machine"
  elif [ "$1" = 3.7 ]; then
    say "$what: not used by TensorFlow 1.15, which needs CUDA 10.0 and a card up to" \
      "compute capability $cuda10_card; see docs/gpu.md"
  elif [ -n "$obstacle" ]; then
    say "$what: cannot be used: $obstacle"
  elif [ "$1" = 3.8 ]; then
    say "$what: used only with CUDA 11.8 and cuDNN 8 on this machine; a later Python" \
      "brings its own"
  else
    say "$what: CUDA 12 and cuDNN 9 for it come by pip"
  fi
}

# Says how to get an environment for a card that the one made before does not use.
mention_card() {
  local remedy="GPU=1"
  [ -z "${GPU:-}${PYTHON:-}" ] && card_needs_tensorflow2 || return 0
  [ "$(recorded_requirements)" != requirements-gpu.txt ] || return 0
  [[ $(version_of "$venv/bin/python") != 3.7.* ]] || remedy="PYTHON=$newest"
  say "this environment does not use $card; $remedy ./install.sh makes one that does"
}

# ---- The environment

# Where the environment keeps its copy of a requirement file that was installed.
record() {
  local name=${1#"$here/"}
  printf '%s/installed/%s' "$venv" "${name//\//%}"
}

# Prints which of the two files the environment was made with.
recorded_requirements() {
  local name
  for name in requirements-gpu.txt requirements.txt; do
    [ ! -e "$(record "$here/$name")" ] || echo "$name"
  done
}

# Whether the environment made before can be used: it is not half-made, it starts, and
# its Python and its TensorFlow are those asked for.
serves() {
  local version name lines='/^tensorflow/p'
  [ ! -e "$venv/unfinished" ] || return 1
  version=$(version_of "$venv/bin/python")
  supported "$version" || return 1
  if is_version "${PYTHON:-}"; then
    [ "${version%.*}" = "$PYTHON" ] || return 1
  elif [ -n "${PYTHON:-}" ]; then
    [ "$version" = "$(version_of "$PYTHON")" ] || return 1
  fi
  name=$(recorded_requirements)
  [ -n "$name" ] || return 0
  # Another TensorFlow is never installed over this one: tensorflow and tensorflow-cpu
  # hold the same files.
  [ "$(sed -n "$lines" "$here/$name")" = \
    "$(sed -n "$lines" "$(record "$here/$name")")" ] || return 1
  [ "${version%.*}" != 3.7 ] || return 0
  case ${GPU:-}$name in
    0requirements-gpu.txt | 1requirements.txt) return 1 ;;
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
  if has_venv "$1"; then
    "$1" -m venv "$venv" >&2
  elif has_virtualenv "$1"; then
    "$1" -m virtualenv --quiet "$venv" >&2
  else
    "$(uv)" venv --quiet --seed --allow-existing --python "$1" "$venv" >&2
  fi || fail "$1 could not make $venv; see above"
  # The pip that came with an old Python may not know today's packages.
  pip_install --upgrade pip
}

# On a terminal pip shows how far a download is.
pip_install() {
  local quiet=--quiet
  [ ! -t 2 ] || quiet=--progress-bar=on
  touch "$venv/unfinished"
  "$venv/bin/python" -m pip install "$quiet" --disable-pip-version-check "$@" >&2 ||
    fail "pip could not install the packages; see above"
}

# Prints how much pip downloads for Python $1 and the requirement file $2, and how much
# the environment takes on the disk: measured on Linux with x86_64, rounded.
sizes() {
  local megabytes disk duration
  case "$1 $2" in
    "3.7 "*) megabytes=440 disk=1.4 ;;
    "3.8 requirements-gpu.txt") megabytes=560 disk=1.6 ;;
    *" requirements-gpu.txt") megabytes=3500 disk=6.4 ;;
    "3.12 "* | "3.13 "*) megabytes=340 disk=1.5 ;;
    *) megabytes=290 disk=1.2 ;;
  esac
  duration="$((megabytes / 10)) seconds"
  [ "$megabytes" -lt 1200 ] || duration="$((megabytes / 600)) minutes"
  printf '%s' "about $megabytes MB to download ($duration at 10 MB/s)," \
    " $disk GB on the disk"
}

# Installs the requirement files together, so that pip fits their versions to each
# other, unless the environment has every one of them as it is now.
install_files() {
  local file version missing="" options=() size=""
  for file in "$@"; do
    cmp -s "$file" "$(record "$file")" || missing=1
    options+=(--requirement "$file")
  done
  [ -n "$missing" ] || return 0
  if [ -z "$(recorded_requirements)" ]; then
    version=$(version_of "$venv/bin/python")
    size=": $(sizes "${version%.*}" "${1##*/}")"
  fi
  say "installing ${*#"$here/"}$size"
  pip_install "${options[@]}"
  [ -z "$size" ] || try_tensorflow
  mkdir -p "$venv/installed"
  for file in "$@"; do
    cp "$file" "$(record "$file")"
  done
  rm "$venv/unfinished"
}

# Says which TensorFlow was installed and what it sees, or why it does not start.
try_tensorflow() {
  local seen  # standard error goes to a file that is removed unless this fails
  seen=$(TF_CPP_MIN_LOG_LEVEL=3 "$venv/bin/python" -c '
import tensorflow as tf
cards = len(tf.config.experimental.list_physical_devices("GPU"))
print("TensorFlow %s starts; cards that it sees: %d" % (tf.version.VERSION, cards))' \
    2>"$venv/unfinished") ||
    fail "TensorFlow was installed but does not start (status $?):" \
      "$(sed -n '$p' "$venv/unfinished")"
  say "$seen"
}

main() {
  local file interpreter version name with="" files=()
  case ${1:-} in
    --help | -h)
      sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
      return
      ;;
    --which) ;;
    --with=horovod) . "$here/finetuning/horovod.sh" && with=$1 && shift ;;
    -*) fail "no such flag: $1; see ./install.sh --help" ;;
  esac
  look_for_card
  if [ "${1:-}" = --which ]; then
    choose
    return
  fi
  for file in "$@"; do
    [ -r "$file" ] || fail "$file: no such requirement file"
    files+=("$(cd "$(dirname "$file")" && pwd)/$(basename "$file")")
  done
  if serves; then
    mention_card
    version=$(version_of "$venv/bin/python")
    name=$(recorded_requirements)
    name=${name:-$(requirements_for "${version%.*}")}
  else
    interpreter=$(choose)
    version=$(version_of "$interpreter")
    name=$(requirements_for "${version%.*}")
    [ -z "$with" ] || check_horovod
    make_environment "$interpreter"
    describe_card "${version%.*}"
  fi
  [ -z "$with" ] || check_horovod
  install_files "$here/$name" ${files[@]+"${files[@]}"}
  [ -z "$with" ] || install_horovod
  printf '%s\n' "$venv/bin/python"
}

main "$@"
