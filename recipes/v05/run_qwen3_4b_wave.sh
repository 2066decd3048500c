#!/usr/bin/env bash
# V0.5 with all the rollouts that the evidence asks for in one second wave (ours): bash recipes/v05/run_qwen3_4b_wave.sh
# Two rounds of generation at most: the variant for long responses. PRIOR names the value model.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

ARM=${ARM:-v05_wave}
METHOD=(
    +v05=default
    algorithm.adv_estimator=v05
    v05.reward_range="$REWARD_RANGE"
    v05.budget=wave
    v05.value.name="${PRIOR:-gp}"
)
launch "$@"
