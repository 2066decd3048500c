#!/usr/bin/env bash
# GRPO (arXiv 2402.03300), 16 rollouts per prompt: bash recipes/grpo/run_qwen3_4b.sh
# N=4 gives the control with groups as small as V0.5's. The arm: v05_verl/conf/arm/grpo_n16.yaml
set -euo pipefail
ARM=${ARM:-grpo_n${N:-16}}
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

launch "$@"
