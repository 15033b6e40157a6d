#!/usr/bin/env bash
# Linter and all tests, in the environment that ../install.sh makes. PYTHON, VENV and
# GPU as there; arguments go to pytest: tests/run.sh -k conlleval
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
  --help | -h)
    sed -n '2,/^set /s/^# \{0,1\}//p' tests/run.sh
    exit
    ;;
esac

python=$(./install.sh tests/requirements.txt biocodes/requirements.txt)
"$python" -m ruff check .
"$python" -m ruff format --check .
"$python" -m pytest "$@"
