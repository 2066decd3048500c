#!/usr/bin/env bash
# DAPO (arXiv 2503.14476), 16 rollouts per prompt: bash recipes/dapo/run_qwen3_4b.sh
# Dropped groups cost rollouts beyond ROLLOUTS. The arm: v05_verl/conf/arm/dapo_n16.yaml
set -euo pipefail
ARM=${ARM:-dapo_n${N:-16}}
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

launch "$@"
