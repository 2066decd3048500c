#!/usr/bin/env bash
# V0.5 (arXiv 2603.10848) with the paper's sequential budget, 4 to 16 rollouts per prompt: bash recipes/v05/run_qwen3_4b.sh
# Every extra rollout costs a round of generation. The arm: v05_verl/conf/arm/v05.yaml
set -euo pipefail
ARM=${ARM:-v05}
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

launch "$@"
