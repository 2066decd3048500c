# What all arms share; sourced by the scripts of grpo/, rloo/, dapo/, v05/, by run_arm.sh, quickstart.sh and evaluate.sh.
# A script sets ARM, a name of v05_verl/conf/arm, and calls: launch "$@"

# ---- knobs ----
SETUP=${SETUP:-paper}                     # paper: 4 nodes x 8 GPUs; node: 1 x 8. Speed only, the optimisation is the same
SMOKE=${SMOKE:-0}                         # 1: a few steps on a CPU, with the tiny model, its task and its reward; gpu: on one GPU
DRY_RUN=${DRY_RUN:-0}                     # 1: print the command and stop
ENGINE=${ENGINE:-}                        # vllm (default) or sglang; with SMOKE=1 hf (default), hf_separate or vllm
SEED=${SEED:-0}
OUT=${OUT:-outputs/qwen3_4b}              # results: $OUT/$ARM/seed_$SEED. On several nodes: a folder that all of them see
DATA_DIR=${DATA_DIR:-data}                # parquet files of: python -m data_prep.prepare --out $DATA_DIR
MODEL_PATH=${MODEL_PATH:-Qwen/Qwen3-4B-Instruct-2507}
PYTHON=${PYTHON:-}                        # of the environment that holds verl and v05_verl, on all nodes; .venv or python3
RAY_ADDRESS=${RAY_ADDRESS:-}              # http://head:8265 of a running Ray cluster: submit the run as a job to it
PRIOR=${PRIOR:-}                          # value model of V0.5's arms in place of the arm's own
WATCH=${WATCH:-0}                         # 1: a bar and the validations instead of verl's output, which goes to log/
if [ "$SMOKE" != 0 ]; then
    PROMPTS=${PROMPTS:-16} ROLLOUTS=${ROLLOUTS:-768} POINTS=${POINTS:-3} SAVE_FREQ=${SAVE_FREQ:-2} VAL_N=${VAL_N:-4}
    TRAIN_PROMPTS=${TRAIN_PROMPTS:-1024} VAL_PROMPTS=${VAL_PROMPTS:-16}
    PROMPT_TOKENS=16 RESPONSE_TOKENS=12 LR=${LR:-2e-4}
fi
PROMPTS=${PROMPTS:-512}                   # per training step
ROLLOUTS=${ROLLOUTS:-1228800}             # training rollouts of the whole run
POINTS=${POINTS:-11}                      # validations, the first and the last included
SAVE_FREQ=${SAVE_FREQ:-10}                # training steps from one checkpoint to the next; -1: none
VAL_N=${VAL_N:-16}                        # answers per validation problem: mean@16
VAL_TOP_P=${VAL_TOP_P:-0.7}
PROMPT_TOKENS=${PROMPT_TOKENS:-2048}
RESPONSE_TOKENS=${RESPONSE_TOKENS:-8192}
LR=${LR:-1e-6}
WARMUP=${WARMUP:-10}                      # training steps
WEIGHT_DECAY=${WEIGHT_DECAY:-0.1}
MINI_BATCHES=${MINI_BATCHES:-4}           # optimizer steps per training step
REWARD_RANGE=[-1,1]
BENCHMARKS=(aime2024 aime2025 amc2023 math500 minerva_math olympiadbench)

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$ROOT/recipes/paths.sh"
case $OUT in /*) ;; *) OUT=$PWD/$OUT ;; esac
case $DATA_DIR in /*) ;; *) DATA_DIR=$PWD/$DATA_DIR ;; esac

if [ -z "$PYTHON" ]; then PYTHON=$([ -x "$ROOT/.venv/bin/python" ] && echo "$ROOT/.venv/bin/python" || echo python3); fi
case $PYTHON in /*) ;; */*) PYTHON=$PWD/$PYTHON ;; esac

check_paths OUT DATA_DIR MODEL_PATH

refuse() { echo "$(basename "$0"): $1" >&2; exit 2; }

# ---- machine: all that a GPU and a CPU, or one node and four, do differently ----
if [ "$SMOKE" != 0 ]; then
    case $SMOKE:${ENGINE:=hf} in
        1:hf | 1:hf_separate | 1:vllm | gpu:vllm | gpu:sglang) ;;
        1:*) refuse "SMOKE=1 knows ENGINE=hf, hf_separate (for the mode separate_async) and vllm, not '$ENGINE'" ;;
        gpu:*) refuse "SMOKE=gpu knows ENGINE=vllm and sglang, not '$ENGINE'" ;;
        *) refuse "SMOKE is 0, 1 (on a CPU) or gpu (on one GPU), not '$SMOKE'" ;;
    esac
    # One sample per problem is noisy; the engine hf can tell how probable the right answer is.
    if [[ $ENGINE = hf* ]] && [ "$VAL_N" = 1 ]; then SAMPLED_AGENT=exact_agent; else SAMPLED_AGENT=single_turn_agent; fi
    # What one engine is asked, the other may not know; a toy of other sizes is another one.
    TOY=$OUT/toy/$SAMPLED_AGENT-$TRAIN_PROMPTS-$VAL_PROMPTS/seed_$SEED
    TRAIN_FILE=$(quoted "$TOY/train.parquet")
    VAL_FILES=$(quoted "$TOY/val.parquet")
    MODEL_PATH=$TOY/model
    GRADER=pkg://v05_verl.lab.toy_reward
    if [ "$SMOKE" = 1 ]; then
        MACHINE=(+cpu="$ENGINE")
    else
        MACHINE=(
            trainer.nnodes=1
            trainer.n_gpus_per_node=1
            actor_rollout_ref.model.use_remove_padding=False
            +actor_rollout_ref.model.override_config.attn_implementation=sdpa   # flash-attn may not be there
            actor_rollout_ref.actor.strategy=fsdp2
            actor_rollout_ref.actor.use_dynamic_bsz=True
            actor_rollout_ref.rollout.name="$ENGINE"
            actor_rollout_ref.rollout.tensor_model_parallel_size=1
            actor_rollout_ref.rollout.gpu_memory_utilization=0.3
            actor_rollout_ref.rollout.enforce_eager=True
        )
    fi
    MACHINE+=(
        actor_rollout_ref.rollout.max_model_len=192
        actor_rollout_ref.rollout.agent.agent_loop_config_path="$(quoted "$TOY/agent_loops.yaml")"
    )
    if [ -n "$RAY_ADDRESS" ]; then   # a running cluster has its resources: ray start --head --num-cpus=8 --num-gpus=1
        MACHINE+=(ray_kwargs.ray_init.num_cpus=null ray_kwargs.ray_init.num_gpus=null)
        MACHINE+=(ray_kwargs.ray_init.object_store_memory=null)
    fi
else
    ENGINE=${ENGINE:-vllm}
    case $ENGINE in vllm | sglang) ;; *) refuse "ENGINE is vllm or sglang, not '$ENGINE'" ;; esac
    case $SETUP in
        paper) NODES=4 ;;
        node) NODES=1 ;;
        *) refuse "SETUP is paper (4 nodes x 8 GPUs) or node (1 x 8), not '$SETUP'" ;;
    esac
    TRAIN_FILE=$(quoted "$DATA_DIR/dapo_math_17k.parquet")
    VAL_FILES=$(for set in "${BENCHMARKS[@]}"; do quoted "$DATA_DIR/$set.parquet"; printf ,; done)
    VAL_FILES=[${VAL_FILES%,}]
    GRADER=pkg://v05_verl.grading
    MACHINE=(
        trainer.nnodes=$NODES
        trainer.n_gpus_per_node=8
        actor_rollout_ref.model.use_remove_padding=True
        actor_rollout_ref.model.enable_gradient_checkpointing=True
        actor_rollout_ref.actor.strategy=fsdp2
        actor_rollout_ref.actor.use_dynamic_bsz=True
        actor_rollout_ref.actor.ppo_max_token_len_per_gpu=$((2 * (PROMPT_TOKENS + RESPONSE_TOKENS)))
        actor_rollout_ref.rollout.name="$ENGINE"
        actor_rollout_ref.rollout.tensor_model_parallel_size=1
        actor_rollout_ref.rollout.gpu_memory_utilization=0.7
        actor_rollout_ref.rollout.max_num_batched_tokens=$((PROMPT_TOKENS + RESPONSE_TOKENS))
        actor_rollout_ref.rollout.max_model_len=$((PROMPT_TOKENS + RESPONSE_TOKENS))
    )
fi

# ---- shared by all arms ----
# What an arm changes must not stand here: it would win over the arm's file. Clip ranges are verl's 0.2 and 0.2.
DATA=(
    data.train_files="$TRAIN_FILE"
    data.val_files="$VAL_FILES"
    data.max_prompt_length="$PROMPT_TOKENS"
    data.max_response_length="$RESPONSE_TOKENS"
    data.filter_overlong_prompts=True
    data.truncation=error
    data.seed="$SEED"
)
MODEL=(
    actor_rollout_ref.model.path="$(quoted "$MODEL_PATH")"
)
ACTOR=(
    actor_rollout_ref.actor.optim.lr="$LR"
    actor_rollout_ref.actor.optim.lr_warmup_steps="$WARMUP"
    actor_rollout_ref.actor.optim.weight_decay="$WEIGHT_DECAY"
    actor_rollout_ref.actor.loss_agg_mode=token-mean
    actor_rollout_ref.actor.clip_ratio_c=10.0
    actor_rollout_ref.actor.use_kl_loss=False
    actor_rollout_ref.actor.entropy_coeff=0
    actor_rollout_ref.actor.grad_clip=1.0
)
ROLLOUT=(
    actor_rollout_ref.rollout.temperature=1.0
    actor_rollout_ref.rollout.top_p=1.0
    actor_rollout_ref.rollout.top_k=-1
    actor_rollout_ref.rollout.seed=$((1000 * SEED + 42))
    actor_rollout_ref.rollout.val_kwargs.n="$VAL_N"
    actor_rollout_ref.rollout.val_kwargs.do_sample=True
    actor_rollout_ref.rollout.val_kwargs.temperature=1.0
    actor_rollout_ref.rollout.val_kwargs.top_p="$VAL_TOP_P"
)
REWARD=(
    reward.custom_reward_function.path="$GRADER"
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.reward_range="$REWARD_RANGE"
)
TRAINER=(
    trainer.project_name="${PROJECT:-v05_qwen3_4b}"
    "trainer.logger=[console,file]"
    trainer.total_epochs=100000
    trainer.save_freq="$SAVE_FREQ"
    trainer.max_actor_ckpt_to_keep=2
    trainer.resume_mode=auto
    trainer.val_before_train=True
)

# ---- one run ----
# Goes on from the last checkpoint of $OUT/$ARM/seed_$SEED where there is one; ends at once where the same run is done,
# and with exit code 2 where another one is: its weights would be recorded as those of these settings.
launch() {
    local run=$OUT/$ARM/seed_$SEED number code=0
    [ "$DRY_RUN" = 1 ] || prepare
    [ -n "${METHOD+set}" ] || set_method "$@"
    COMMAND=("$PYTHON" -m verl.trainer.main_ppo "hydra.searchpath=[pkg://v05_verl.conf]" "${MACHINE[@]}" "${DATA[@]}"
        "${MODEL[@]}" "${ACTOR[@]}" "${ROLLOUT[@]}" "${REWARD[@]}" "${TRAINER[@]}"
        trainer.experiment_name="$ARM-seed$SEED" trainer.default_local_dir="$(quoted "$run/checkpoints")"
        hydra.run.dir="$(quoted "$run/hydra/\${oc.env:V05_LAUNCH,1}")" "${METHOD[@]}" "$@")
    if [ "$DRY_RUN" = 1 ]; then
        printf '%q ' "${COMMAND[@]}"; echo
        return
    fi
    mkdir -p "$(dirname "$run")"
    # Held by all that this launch starts: a second one would train the same steps beside it. Not in the folder, which
    # may be removed under it.
    exec 9> "$run.lock"
    flock -w 60 9 || refuse "another launch of $run still runs; end it first"
    if [ "$(cat "$run/done" 2>/dev/null)" = "${COMMAND[*]}" ]; then
        echo "== $ARM, seed $SEED: already there ($run); remove that folder to train it again"
        exec 9>&-
        return
    fi
    [ "$SAVE_FREQ" != -1 ] || rm -rf "$run"   # without checkpoints nothing goes on
    mkdir -p "$run/metrics" "$run/log"
    number=$("$PYTHON" -m v05_verl.report.provenance "$run" --arm "$ARM" --seed "$SEED" -- "${COMMAND[@]}") || exit 2
    export V05_LAUNCH=$number VERL_FILE_LOGGER_PATH=$run/metrics/$number.jsonl
    train "$run" "$number" || code=$?
    "$PYTHON" -m v05_verl.report.provenance "$run" --done --exit-code "$code"
    if [ "$code" != 0 ]; then
        [ "$WATCH" != 1 ] || tail -n 40 "$run/log/$number.txt" >&2
        echo "== $ARM, seed $SEED ended with exit code $code; its output is in $run/log/$number.txt. The same command goes on from the last checkpoint" >&2
        exit 1
    fi
    echo "${COMMAND[*]}" > "$run/done"
    exec 9>&-
}

# What the arm changes, and the training steps that spend ROLLOUTS with its groups.
set_method() {
    local settings
    settings=$(cd "$ROOT" && "$PYTHON" -m v05_verl.arms "$ARM" --prompts "$PROMPTS" --rollouts "$ROLLOUTS" \
        --points "$POINTS" --mini-batches "$MINI_BATCHES" --response-tokens "$RESPONSE_TOKENS" --given "$@") || exit 2
    mapfile -t METHOD <<< "$settings"
    case $settings in
        *v05.total_rollouts*)
            [ -z "$PRIOR" ] || METHOD+=(v05.value.name="$PRIOR")
            # The toy's steps are short, and V0's encoder for GPUs is a download.
            [ "$SMOKE" = 0 ] || METHOD+=(v05.poll_interval_s=0.1 v05.value.v0.encoder=surface v05.value.num_cpus=1) ;;
    esac
}

# verl in a process of its own, which a signal to this script ends too; its output goes to the log.
train() {
    local run=$1 log=$1/log/$2.txt child
    if [ "$WATCH" = 1 ]; then
        start > "$log" 2>&1 &
        child=$!
        "$PYTHON" -m v05_verl.report.watch "$run" --pid $child --rollouts "$ROLLOUTS" --log "$log" 9>&- &
    else
        echo "== $ARM, seed $SEED, launch $2: $run (log/$2.txt, metrics/$2.jsonl)"
        start > >(tee "$log" 9>&-) 2>&1 &
        child=$!
    fi
    trap 'kill -TERM '"$child"' 2>/dev/null; wait; exit 143' TERM INT
    local code=0
    wait $child || code=$?
    trap - TERM INT
    wait
    return $code
}

# Environment, data and model; refuses here what would fail minutes later.
prepare() {
    if [ "$SMOKE" = 1 ]; then
        bash "$ROOT/recipes/env.sh" "${ENGINE%_separate}"
        source "$ROOT/recipes/cpu_env.sh"
        PYTHON=$ROOT/.venv/bin/python
    elif [ "$SMOKE" = gpu ]; then
        "$PYTHON" -c "import verl, v05_verl, $ENGINE" ||
            refuse "$PYTHON lacks the package above; pip install -e '.[vllm]', or name another one with PYTHON="
        export VERL_USE_EXTERNAL_MODULES=v05_verl.register HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1
    fi
    if [ "$SMOKE" != 0 ]; then
        export V05_TOY=$TOY
        if [ ! -f "$TOY/agent_loops.yaml" ]; then
            echo "== seed $SEED: building the task, the tokenizer and a warm-started model"
            "$PYTHON" -m v05_verl.lab.toy --out "$TOY" --seed "$SEED" --train-prompts "$TRAIN_PROMPTS" \
                --val-prompts "$VAL_PROMPTS" --sampled-agent "$SAMPLED_AGENT"
        fi
        return
    fi
    local set file make="$PYTHON -m v05_verl.data_prep.prepare"   # as the wheel names it
    [ ! -f "$ROOT/setup.py" ] || make="cd $ROOT && $PYTHON -m data_prep.prepare"
    for set in dapo_math_17k "${BENCHMARKS[@]}"; do
        file=$DATA_DIR/$set.parquet
        [ -f "$file" ] || refuse "$file is missing; make it with: $make --out $DATA_DIR --drop-contaminated"
    done
    "$PYTHON" -c "import math_verify, flash_attn, verl, v05_verl, $ENGINE" ||
        refuse "$PYTHON lacks the package above; pip install -e '.[vllm,math,report]' and flash-attn, or name another one with PYTHON="
    if [ -z "$RAY_ADDRESS" ] && ! "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
        refuse "$PYTHON sees no GPU (torch.cuda.is_available() is False); name another one with PYTHON=, or SMOKE=1 for a CPU"
    fi
    if [ "$NODES" != 1 ] && [ -z "$RAY_ADDRESS" ]; then
        refuse "SETUP=$SETUP takes $NODES nodes: start Ray on them and set RAY_ADDRESS=http://<head>:8265, or use SETUP=node"
    fi
    export VERL_USE_EXTERNAL_MODULES=v05_verl.register   # unlike the entry point, this lets a failing plugin be seen
}

# Becomes COMMAND, or its job at the cluster of RAY_ADDRESS, whose processes get the variables that they need.
start() {
    if [ -z "$RAY_ADDRESS" ]; then
        exec "${COMMAND[@]}"
    fi
    local variables
    variables=$("$PYTHON" -c 'import json, os, sys; print(json.dumps({"env_vars": {n: os.environ[n] for n in sys.argv[1:]}}))' \
        VERL_USE_EXTERNAL_MODULES VERL_FILE_LOGGER_PATH V05_LAUNCH ${V05_TOY:+V05_TOY})
    exec "$PYTHON" -m ray.scripts.scripts job submit --address "$RAY_ADDRESS" --runtime-env-json "$variables" -- "${COMMAND[@]}"
}
