#!/usr/bin/env bash
# V0.5 against GRPO and RLOO through verl on a CPU: bash recipes/quickstart.sh
# Needs Python 3.11 and nothing else. Builds a tiny model and a task with checkable answers (reversing digits), then
# trains every arm from the same start with the same number of rollouts. Results: $OUT/report/, $OUT/summary.json
# Arguments are overrides for every run: bash recipes/quickstart.sh trainer.v1.trainer_mode=v05_colocate_async
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# ---- knobs ----
ENGINE=${ENGINE:-hf}                      # hf: transformers; hf_separate: for separate_async; vllm: vLLM's CPU build
ARMS=${ARMS:-"grpo_n16 rloo_n4 v05 v05_auto"}   # python -m v05_verl.arms lists all of them
SEEDS=${SEEDS:-"0"}
ROLLOUTS=${ROLLOUTS:-5120}                # training rollouts per arm and seed
OUT=${OUT:-outputs/quickstart}
PROMPTS=${PROMPTS:-32}                    # prompts per training step of an arm with groups of 4
VAL_PROMPTS=${VAL_PROMPTS:-256}           # held-out prompts; each is asked twice, sampled (with hf: exactly) and greedy
POINTS=${POINTS:-5}                       # validations per run, the first and the last included

# Steps differ between arms, a warm-up would favour those of small groups.
SMOKE=1 WATCH=1 PROJECT=v05_quickstart TRAIN_PROMPTS=${TRAIN_PROMPTS:-4096} VAL_N=1 VAL_TOP_P=1.0
MINI_BATCHES=1 WARMUP=0 WEIGHT_DECAY=0.01 SAVE_FREQ=-1

source recipes/paths.sh
check_paths OUT PWD
bash recipes/env.sh "${ENGINE%_separate}"
for arm in $ARMS; do .venv/bin/python -m v05_verl.arms "$arm" > /dev/null; done
for SEED in $SEEDS; do
    for ARM in $ARMS; do
        (source recipes/common.sh && launch "$@")
    done
done
.venv/bin/python -m v05_verl.report "$OUT" --quickstart
