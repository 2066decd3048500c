#!/usr/bin/env bash
# V0.5 against GRPO and RLOO through verl on a CPU: bash recipes/quickstart.sh
# Needs Python 3.11 and nothing else. Builds a tiny model and a task with checkable answers (reversing digits), then
# trains every arm from the same start with the same number of rollouts. Results: $OUT/report/, $OUT/summary.json
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# ---- knobs ----
ENGINE=${ENGINE:-hf}                      # hf: transformers; vllm: vLLM's CPU build
ARMS=${ARMS:-"grpo_n16 rloo_n4 v05"}      # see set_arm for all of them
SEEDS=${SEEDS:-"0"}
ROLLOUTS=${ROLLOUTS:-5120}                # training rollouts per arm and seed
OUT=${OUT:-outputs/quickstart}
PROMPTS=32                                # prompts per training step
VAL_PROMPTS=${VAL_PROMPTS:-256}           # held-out prompts; each is asked twice, sampled and greedy
POINTS=${POINTS:-5}                       # validations per run, the first and the last included

mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
bash recipes/env.sh "$ENGINE"
source recipes/cpu_env.sh
PYTHON=$PWD/.venv/bin/python

# ---- what an arm is ----
# STEPS and TEST_FREQ count training steps; budgets that adapt are ended by v05.total_rollouts instead.
set_arm() {
    local n=4 name=$1
    prompts=$PROMPTS
    V05=(+v05=default algorithm.adv_estimator=v05
         v05.poll_interval_s=0.1 v05.total_rollouts="$ROLLOUTS")
    case $name in
        *_pool2) V05+=(v05.prompt_pool=2); name=${name%_pool2} ;;
    esac
    case $name in
        *_robust) V05+=(v05.mode=robust v05.baseline=predictable); name=${name%_robust} ;;
    esac
    case $name in
        grpo_n*)    n=${1#grpo_n}; ARM=(algorithm.adv_estimator=grpo actor_rollout_ref.rollout.n="$n") ;;
        rloo_n*)    n=${1#rloo_n}; ARM=(algorithm.adv_estimator=rloo actor_rollout_ref.rollout.n="$n") ;;
        # DAPO without its length penalty: an answer of the toy has one length. Dropped groups come on top of ROLLOUTS
        dapo_n*)    n=${1#dapo_n}; ARM=(algorithm.adv_estimator=grpo actor_rollout_ref.rollout.n="$n"
                    actor_rollout_ref.actor.clip_ratio_high=0.28 algorithm.filter_groups.enable=True
                    algorithm.filter_groups.metric=acc algorithm.filter_groups.max_inflight_gen_batches=1) ;;
        v05)        ARM=("${V05[@]}") ;;
        # as many prompts as make the rollouts of a step those of k = 4
        v05_fixed[124]) n=${name#v05_fixed}; prompts=$(( PROMPTS * 4 / n ))
                    ARM=("${V05[@]}" v05.budget=fixed v05.k_init="$n") ;;
        v05_wave)   ARM=("${V05[@]}" v05.budget=wave) ;;
        v05_oracle) ARM=("${V05[@]}" v05.value.name=v05_verl.lab.oracle:Oracle "+v05.value.custom.toy=$OUT/toy/seed_$2") ;;
        *) echo "quickstart: unknown arm '$1'; there are grpo_n<n>, rloo_n<n>, dapo_n<n>, v05, v05_wave, v05_oracle and" \
                "v05_fixed1, 2 or 4; those of v05 also with _robust, _pool2 or _robust_pool2 behind" >&2
           exit 2 ;;
    esac
    STEPS=$(( (ROLLOUTS + prompts * n - 1) / (prompts * n) ))
    TEST_FREQ=$(( (STEPS + POINTS - 2) / (POINTS - 1) ))
}

# ---- one run ----
train() {
    local arm=$1 seed=$2 toy=$OUT/toy/seed_$2 run=$OUT/$1/seed_$2
    set_arm "$arm" "$seed"
    local settings="engine=$ENGINE rollouts=$ROLLOUTS commit=$(git rev-parse HEAD 2>/dev/null || echo none)"
    if [ "$(cat "$run/done" 2>/dev/null)" = "$settings" ]; then
        echo "== $arm, seed $seed: already there ($run); remove that folder to train it again"
        return
    fi
    rm -rf "$run" && mkdir -p "$run/metrics"
    DATA=(
        data.train_files="$toy/train.parquet"
        data.val_files="$toy/val.parquet"
        data.train_batch_size=$prompts
        data.max_prompt_length=16
        data.max_response_length=12
        data.seed="$seed"
    )
    MODEL=(
        actor_rollout_ref.model.path="$toy/model"
    )
    ACTOR=(
        actor_rollout_ref.actor.optim.lr=2e-4
        actor_rollout_ref.actor.optim.lr_warmup_steps=0   # steps differ between arms, a warm-up would favour small ones
        actor_rollout_ref.actor.ppo_mini_batch_size=$prompts
        actor_rollout_ref.actor.loss_agg_mode=token-mean
        actor_rollout_ref.actor.use_kl_loss=False
        actor_rollout_ref.actor.entropy_coeff=0
    )
    ROLLOUT=(
        actor_rollout_ref.rollout.temperature=1.0
        actor_rollout_ref.rollout.seed=$((1000 * seed + 42))
        actor_rollout_ref.rollout.max_model_len=192
        actor_rollout_ref.rollout.agent.agent_loop_config_path="$toy/agent_loops.yaml"
        actor_rollout_ref.rollout.val_kwargs.do_sample=True
        actor_rollout_ref.rollout.val_kwargs.temperature=1.0
    )
    REWARD=(
        reward.custom_reward_function.path=pkg://v05_verl.lab.toy_reward
        reward.custom_reward_function.name=compute_score
    )
    TRAINER=(
        trainer.project_name=v05_quickstart
        trainer.experiment_name="$arm-seed$seed"
        "trainer.logger=[console,file]"
        trainer.total_training_steps=$STEPS
        trainer.total_epochs=1000
        trainer.test_freq=$TEST_FREQ
        trainer.val_before_train=True
        trainer.save_freq=-1
        trainer.resume_mode=disable
        trainer.default_local_dir="$run/checkpoints"
        hydra.run.dir="$run/hydra/1"
    )
    COMMAND=("$PYTHON" -m verl.trainer.main_ppo "hydra.searchpath=[pkg://v05_verl.conf]" +cpu="$ENGINE"
        "${DATA[@]}" "${MODEL[@]}" "${ACTOR[@]}" "${ROLLOUT[@]}" "${REWARD[@]}" "${TRAINER[@]}" "${ARM[@]}")
    "$PYTHON" -m v05_verl.report.provenance "$run" --arm "$arm" --seed "$seed" -- "${COMMAND[@]}" > /dev/null
    VERL_FILE_LOGGER_PATH=$run/metrics/1.jsonl "${COMMAND[@]}" > "$run/log.txt" 2>&1 &
    local pid=$! code=0
    "$PYTHON" -m v05_verl.report.watch "$run" --pid $pid --rollouts "$ROLLOUTS"
    wait $pid || code=$?
    "$PYTHON" -m v05_verl.report.provenance "$run" --done --exit-code $code
    if [ $code != 0 ]; then
        echo "== $arm, seed $seed failed with exit code $code; the end of $run/log.txt:" >&2
        tail -n 40 "$run/log.txt" >&2
        exit 1
    fi
    echo "$settings" > "$run/done"
}

# ---- all runs ----
for arm in $ARMS; do set_arm "$arm" 0; done
for seed in $SEEDS; do
    if [ ! -f "$OUT/toy/seed_$seed/agent_loops.yaml" ]; then
        echo "== seed $seed: building the task, the tokenizer and a warm-started model"
        "$PYTHON" -m v05_verl.lab.toy --out "$OUT/toy/seed_$seed" --seed "$seed" --val-prompts "$VAL_PROMPTS"
    fi
    for arm in $ARMS; do train "$arm" "$seed"; done
done

"$PYTHON" -m v05_verl.report "$OUT" --quickstart
