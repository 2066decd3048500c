#!/usr/bin/env bash
# V0.5 (arXiv 2603.10848) with the paper's sequential budget, 4 to 16 rollouts per prompt: bash recipes/v05/run_qwen3_4b.sh
# Every extra rollout costs a round of generation. PRIOR names the value model (v05_verl/conf/v05/default.yaml).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

ARM=${ARM:-v05}
METHOD=(
    +v05=default
    algorithm.adv_estimator=v05
    v05.reward_range="$REWARD_RANGE"
    v05.budget=sequential
    v05.value.name="${PRIOR:-gp}"
)
launch "$@"
