#!/usr/bin/env bash
# Does everything run on this machine's GPU? In minutes, with nothing downloaded: bash recipes/gpu_check.sh
# Three training steps of every main arm with the tiny model and the GPU's engine, then V0's encoder (architecture of
# Qwen3-Embedding-0.6B, random weights) on 512 prompts; ends with a table of times and memory. Needs verl, v05_verl and
# the engine in PYTHON's environment. Exit code 2: no GPU or no engine; 1: an arm failed, its output is in $OUT.
set -euo pipefail

# ---- knobs ----
OUT=${OUT:-outputs/gpu_check}
ENGINE=${ENGINE:-vllm}                    # or sglang
ARMS=${ARMS:-"grpo_n16 rloo_n4 dapo_n16 v05 v05_wave v05_fixed4 v05_auto"}
SMOKE=gpu PROJECT=v05_gpu_check SAVE_FREQ=-1 ROLLOUTS=192 POINTS=2 VAL_N=1 TRAIN_PROMPTS=256 VAL_PROMPTS=16

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
if [ "$DRY_RUN" != 1 ] && ! "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    refuse "$PYTHON sees no GPU (torch.cuda.is_available() is False); SMOKE=1 ARM=v05 bash recipes/run_arm.sh runs on a CPU"
fi
for ARM in $ARMS; do
    STEPS=(trainer.total_training_steps=3)
    case $ARM in v05*) STEPS+=(v05.total_rollouts=null) ;; esac
    (launch "${STEPS[@]}") || [ $? = 1 ]   # the table tells of an arm that failed
done
[ "$DRY_RUN" = 1 ] || "$PYTHON" -m v05_verl.lab.gpu_check "$OUT"
