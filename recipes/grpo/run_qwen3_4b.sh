#!/usr/bin/env bash
# GRPO (arXiv 2402.03300), 16 rollouts per prompt: bash recipes/grpo/run_qwen3_4b.sh
# Advantages are divided by the group's standard deviation. N=4 gives the control with groups as small as V0.5's.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

N=${N:-16}
ARM=${ARM:-grpo_n$N}
METHOD=(
    algorithm.adv_estimator=grpo
    algorithm.norm_adv_by_std_in_grpo=True
    actor_rollout_ref.rollout.n="$N"
)
launch "$@"
