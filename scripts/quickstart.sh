#!/usr/bin/env bash
# Baseline and regularized models of both tasks on embedded data: one table, one page.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh
environment cpu
export DATA_ROOT=runs/quickstart/data
rm -rf runs/quickstart
python scripts/make_boards.py --output "$DATA_ROOT/boards" --number 240 --size 256
for task in sentiment pcb; do
  for recipe in baseline regularized; do
    run="runs/quickstart/$task-$recipe"
    python scripts/train.py --config "configs/quickstart/$task-$recipe.yaml" --run-dir "$run"
    python scripts/evaluate.py --run "$run" --split test > "$run/test.txt"
  done
done
python scripts/compare.py --runs runs/quickstart/{sentiment,pcb}-{baseline,regularized} \
  --split test --output runs/quickstart/report.html
