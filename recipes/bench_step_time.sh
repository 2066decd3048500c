#!/usr/bin/env bash
# Step time of an arm against another's at equal rollouts, in turns on one machine; medians of both and their ratio:
# bash recipes/bench_step_time.sh                                                  V0.5 in waves, stock verl's GRPO
# ARMS="v05_auto v05_fixed4_robust_pool4" bash recipes/bench_step_time.sh          k_init auto, k = 4
# MODES="v05_colocate_async v05_separate_async v05_sync" ARMS=v05_auto bash recipes/bench_step_time.sh
#                                                               one arm in each mode of verl against the last of them
# Times are per 1,000 rollouts; GRPO's n is the whole number nearest to what V0.5 spends per prompt in waves.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# ---- knobs ----
OUT=${OUT:-outputs/bench_step_time}
TURNS=${TURNS:-2}                         # runs of each arm
ROLLOUTS=${ROLLOUTS:-3840}                # per run
ARMS=${ARMS:-v05_wave grpo_n5}            # two: the first's time is divided by the second's
MODES=${MODES:-}
ENGINE=${ENGINE:-hf}                      # not with MODES

if [ -n "$MODES" ] && [ "$ARMS" != "${ARMS% *}" ]; then
    echo "bench_step_time.sh: MODES compares one arm; set ARMS to its name, not to '$ARMS'" >&2
    exit 2
fi

run() { # FOLDER SETTING...
    local out=$1
    shift
    mkdir -p "$out"
    ARMS=$ARMS SEEDS=$turn ROLLOUTS=$ROLLOUTS POINTS=2 OUT=$out bash recipes/quickstart.sh "$@" > "$out/log.txt" 2>&1 \
        || { tail -n 40 "$out/log.txt" >&2; exit 1; }
}

run_mode() { # MODE
    if [ "$1" = v05_separate_async ]; then
        ENGINE=hf_separate run "$OUT/$1" trainer.v1.trainer_mode="$1" trainer.v1.separate_async.parameter_sync_step=1
    else
        ENGINE=hf run "$OUT/$1" trainer.v1.trainer_mode="$1"
    fi
}

compare() { # FOLDER FOLDER
    echo "$1 over $2"
    .venv/bin/python -m v05_verl.report.step_time "$1" "$2" --skip 5
}

for turn in $(seq "$TURNS"); do
    if [ -z "$MODES" ]; then ENGINE=$ENGINE run "$OUT"; fi
    for mode in $MODES; do run_mode "$mode"; done
done
if [ -n "$MODES" ]; then
    for mode in ${MODES% *}; do compare "$OUT/$mode/$ARMS" "$OUT/${MODES##* }/$ARMS"; done
else
    compare "$OUT/${ARMS% *}" "$OUT/${ARMS#* }"
fi
