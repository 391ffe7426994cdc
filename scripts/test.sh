#!/usr/bin/env bash
# Runs the linters and the tests; arguments go to pytest, such as: scripts/test.sh tests/common
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh
environment cpu,test
python -m pip check
ruff check .
ruff format --check .
lint-imports
if [ -z "${DATA_ROOT:-}" ] && [ -d ../shared/data ]; then
  export DATA_ROOT=../shared/data
fi
if [ $# = 0 ]; then
  # A process of one thread on each core is faster than one process of as many threads. The
  # longest file comes first (tests/conftest.py), and is not moved.
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
  set -- --numprocesses auto --dist loadfile --no-loadscope-reorder
fi
exec python -m pytest "$@"
