#!/usr/bin/env bash
# RLOO (arXiv 2402.14740), 4 rollouts per prompt: bash recipes/rloo/run_qwen3_4b.sh
# The control for what V0.5 owes to small groups alone. The arm: v05_verl/conf/arm/rloo_n4.yaml
set -euo pipefail
ARM=${ARM:-rloo_n${N:-4}}
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

launch "$@"
