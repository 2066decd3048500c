#!/usr/bin/env bash
# Step time of an arm against another's at equal rollouts, in turns on one machine; medians of both and their ratio:
# bash recipes/bench_step_time.sh                                                  V0.5 in waves, stock verl's GRPO
# ARMS="v05_auto v05_fixed4_robust_pool2" bash recipes/bench_step_time.sh          k_init auto, k = 4
# Times are per 1,000 rollouts; GRPO's n is the whole number nearest to what V0.5 spends per prompt in waves.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# ---- knobs ----
OUT=${OUT:-outputs/bench_step_time}
TURNS=${TURNS:-2}                         # runs of each arm
ROLLOUTS=${ROLLOUTS:-3840}                # per run
ARMS=${ARMS:-v05_wave grpo_n5}            # two: the first's time is divided by the second's
ENGINE=${ENGINE:-hf}

mkdir -p "$OUT"
for turn in $(seq "$TURNS"); do
    ENGINE=$ENGINE ARMS=$ARMS SEEDS=$turn ROLLOUTS=$ROLLOUTS POINTS=2 OUT=$OUT bash recipes/quickstart.sh > "$OUT/log.txt" 2>&1 \
        || { tail -n 40 "$OUT/log.txt" >&2; exit 1; }
done
# shellcheck disable=SC2086  # two names
set -- $ARMS
.venv/bin/python -m v05_verl.report.step_time "$OUT/$1" "$OUT/$2" --skip 5
