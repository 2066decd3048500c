#!/usr/bin/env bash
# V0.5 with K rollouts per prompt and no budget: bash recipes/v05/run_qwen3_4b_fixed.sh
# The prior serves as baseline only. The arm: v05_verl/conf/arm/v05_fixed4.yaml; for other K as many prompts as keep the
# rollouts of a step.
set -euo pipefail
ARM=${ARM:-v05_fixed${K:-4}}
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

launch "$@"
