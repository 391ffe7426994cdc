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
exec python -m pytest "$@"
