#!/usr/bin/env bash
# V0.5 with a fixed number of rollouts per prompt: bash recipes/v05/run_qwen3_4b_fixed.sh
# No budget: the prior serves as baseline only. K rollouts per prompt; PRIOR names the value model.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

K=${K:-4}
ARM=${ARM:-v05_fixed$K}
METHOD=(
    +v05=default
    algorithm.adv_estimator=v05
    v05.reward_range="$REWARD_RANGE"
    v05.budget=fixed
    v05.k_init="$K"
    v05.value.name="${PRIOR:-gp}"
)
launch "$@"
