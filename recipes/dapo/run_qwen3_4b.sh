#!/usr/bin/env bash
# DAPO (arXiv 2503.14476), 16 rollouts per prompt: bash recipes/dapo/run_qwen3_4b.sh
# Its parts: groups whose answers are all right or all wrong are dropped and replaced, the upper clip range is wider, and
# responses that come close to the limit lose up to 1. The filter looks at acc, which that penalty leaves alone: with
# "reward", all-right groups of different lengths would stay. Dropped groups cost rollouts beyond ROLLOUTS.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

N=${N:-16}
ARM=${ARM:-dapo_n$N}
METHOD=(
    algorithm.adv_estimator=grpo
    algorithm.norm_adv_by_std_in_grpo=True
    algorithm.filter_groups.enable=True
    algorithm.filter_groups.metric=acc
    algorithm.filter_groups.max_inflight_gen_batches=1
    actor_rollout_ref.rollout.n="$N"
    actor_rollout_ref.actor.clip_ratio_high=0.28
    reward.reward_manager.name=dapo
    +reward.reward_kwargs.max_resp_len="$RESPONSE_TOKENS"
    +reward.reward_kwargs.overlong_buffer_cfg.enable=True
    +reward.reward_kwargs.overlong_buffer_cfg.len=$((RESPONSE_TOKENS / 5))
    +reward.reward_kwargs.overlong_buffer_cfg.penalty_factor=1.0
    +reward.reward_kwargs.overlong_buffer_cfg.log=False
)
launch "$@"
