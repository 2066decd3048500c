#!/usr/bin/env bash
# The arms on tiny models without verl, many seeds: bash recipes/light_comparison.sh
# Needs .venv (bash recipes/env.sh hf). Hours on two cores; a second call goes on where the first ended.
# Results: $OUT/<setting>/, a folder of runs that python -m v05_verl.report reads: --control v05_fixed1 pairs every arm
# with that one, seed by seed. Some of it: ONLY="like_training auc_71" bash recipes/light_comparison.sh
# Settings were chosen on seeds 2000 to 2019; the reported ones are 3000 and up, learning rates are tuned on 1000 and up.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# ---- knobs ----
OUT=${OUT:-outputs/light}
SEEDS=${SEEDS:-10}
FIRST_SEED=${FIRST_SEED:-3000}
JOBS=${JOBS:-2}
ARMS=${ARMS:-grpo_n16 grpo_n16_p8 grpo_n4 dapo_n16 rloo_n4 rloo_n4_pool4
    v05 v05_wave v05_fixed4 v05_fixed1_robust v05_fixed2_robust v05_fixed4_robust
    v05_fixed1_robust_pool4 v05_fixed2_robust_pool4 v05_fixed4_robust_pool4 v05_auto}
SETTINGS=(like_training like_training_tracker auc_71 auc_92 auc_83 auc_60 constant reverse breaks
    auc_71_tuned like_training_tuned as_through_verl allocation allocation_first_visits choice
    auto_options auto_options_71 ahead_2e-4 ahead_5e-5 at_once_2e-4 at_once_5e-5)

source recipes/cpu_env.sh

# Texts that tell as little as real problems, 98 rollouts per training prompt.
LIKE_TRAINING=(--tasks chain --warm-start 0.42 --train-prompts 512 --rollouts 50176)
# Texts that tell nearly everything, hardly any prompt twice; as recipes/results/quickstart, through verl.
REVERSE=(--tasks reverse --rollouts 15360 --learning-rates 2e-4)

# How many rollouts each prompt gets, or which prompts any get: the methods of other papers beside ours.
ALLOCATIONS="rloo_n4 v05_fixed2_robust v05_auto vip_paper vip_code vip_expected knapsack_prior gvm_equal_norms v0_greedy
    v05_total v05_auto_total spo_tracker mopps_rloo_n4 bnpo_n16"
CHOICES="v05_fixed1_robust_pool4 v05_fixed1_robust_pool4,v05.prompt_choice=variance"
OPTIONS="v05_auto v05_auto,v05.auto.slack=1 v05_auto,v05.auto.slack=2 v05_auto,v05.prompt_pool=2
    v05_auto,v05.auto.probe_share=0"

study() {
    # shellcheck disable=SC2086  # ARMS is a list
    .venv/bin/python -m v05_verl.lab.train --out "$OUT" --name "$setting" --seeds "$SEEDS" --first-seed "$FIRST_SEED" \
        --jobs "$JOBS" --arms $ARMS "$@"
}

for setting in ${ONLY:-${SETTINGS[*]}}; do
    echo "== $setting"
    case $setting in
        like_training) study "${LIKE_TRAINING[@]}" --learning-rates 5e-5 ;;
        # the same with a prior that reads no text
        like_training_tracker) study "${LIKE_TRAINING[@]}" --learning-rates 5e-5 --prior tracker ;;
        # each arm at the best of five rates, all else as in the settings of these names
        auc_71_tuned) study "${REVERSE[@]}" --prior oracle --prior-auc 0.71 \
            --learning-rates 5e-5 1e-4 2e-4 4e-4 8e-4 --tuning-seeds 5 ;;
        like_training_tuned) study "${LIKE_TRAINING[@]}" --learning-rates 2.5e-5 5e-5 1e-4 2e-4 4e-4 --tuning-seeds 5 ;;
        # the exact success rate, blurred until it ranks prompts as badly as the name says
        auc_*) study "${REVERSE[@]}" --prior oracle --prior-auc "0.${setting#auc_}" ;;
        constant) study "${REVERSE[@]}" --prior constant ;;
        reverse) study "${REVERSE[@]}" ;;
        # what was learned about the prior in the first half of the run is wrong in the second
        breaks) study "${REVERSE[@]}" --prior oracle --prior-auc 0.97 --prior-auc-later 0.6 ;;
        # one batch sampled ahead of training, as under an asynchronous trainer, and none; the name says the rate
        ahead_*) study --tasks reverse --rollouts 5120 --learning-rates "${setting#ahead_}" --ahead 1 ;;
        at_once_*) study --tasks reverse --rollouts 5120 --learning-rates "${setting#at_once_}" ;;
        allocation) ARMS=$ALLOCATIONS study "${LIKE_TRAINING[@]}" --learning-rates 5e-5 ;;
        allocation_first_visits) ARMS=$ALLOCATIONS study "${REVERSE[@]}" --prior oracle --prior-auc 0.71 ;;
        # seeds, learning rate and validations of recipes/results/quickstart, to be paired with it arm by arm:
        # python -m v05_verl.report verl=outputs/q light=$OUT/as_through_verl --control light --out outputs/agreement
        as_through_verl) FIRST_SEED=3 SEEDS=3 study "${REVERSE[@]}" --evaluations 5 ;;
        # what was settled on development seeds: which prompts to choose, and auto's options
        choice) FIRST_SEED=2000 SEEDS=4 ARMS="rloo_n4 v05_fixed1_robust $CHOICES" study "${LIKE_TRAINING[@]}" \
            --learning-rates 5e-5 --prior oracle ;;
        auto_options) FIRST_SEED=2000 SEEDS=4 ARMS="rloo_n4 $OPTIONS" study "${LIKE_TRAINING[@]}" \
            --learning-rates 5e-5 --prior tracker ;;
        auto_options_71) FIRST_SEED=2000 SEEDS=4 ARMS="rloo_n4 $OPTIONS" study "${REVERSE[@]}" --prior oracle \
            --prior-auc 0.71 ;;
        *) echo "light_comparison.sh: unknown setting '$setting'; there are ${SETTINGS[*]}" >&2; exit 2 ;;
    esac
done
