#!/usr/bin/env bash
# Step time of V0.5 (budget wave) against stock verl GRPO at equal rollouts, in turns on one machine:
# bash recipes/bench_step_time.sh      prints the medians of both and their ratio
# GRPO's n is the whole number nearest to what V0.5 spends per prompt; both times are per 1,000 rollouts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# ---- knobs ----
OUT=${OUT:-outputs/bench_step_time}
TURNS=${TURNS:-2}                         # runs of each arm
ROLLOUTS=${ROLLOUTS:-3840}                # per run
ENGINE=${ENGINE:-hf}

mkdir -p "$OUT"
for turn in $(seq "$TURNS"); do
    ENGINE=$ENGINE ARMS="v05_wave grpo_n5" SEEDS=$turn ROLLOUTS=$ROLLOUTS POINTS=2 OUT=$OUT bash recipes/quickstart.sh > "$OUT/log.txt" 2>&1 \
        || { tail -n 40 "$OUT/log.txt" >&2; exit 1; }
done
.venv/bin/python -m v05_verl.report.step_time "$OUT/v05_wave" "$OUT/grpo_n5" --skip 5
