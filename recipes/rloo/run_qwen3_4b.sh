#!/usr/bin/env bash
# RLOO (arXiv 2402.14740), 4 rollouts per prompt: bash recipes/rloo/run_qwen3_4b.sh
# The control for what V0.5 owes to small groups alone.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

N=${N:-4}
ARM=${ARM:-rloo_n$N}
METHOD=(
    algorithm.adv_estimator=rloo
    actor_rollout_ref.rollout.n="$N"
)
launch "$@"
