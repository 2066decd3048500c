#!/usr/bin/env bash
# V0 with and without ranking loss, adapter, history and recalibration, on recorded outcomes: bash recipes/v0_ablation.sh
# CONTEXT and PROMPTS name files of the V0 release's format. A fifth of the prompts is predicted from the others' rows;
# the adapter is trained on the others too. Needs .venv (bash recipes/env.sh hf).
set -euo pipefail
CONTEXT=$(realpath "${CONTEXT:?names a file of outcomes, such as context.jsonl of the V0 release}")
PROMPTS=$(realpath "${PROMPTS:?names a file of texts, such as prompt_dict.json of the V0 release}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# ---- knobs ----
OUT=${OUT:-outputs/v0_ablation}
ENCODER=${ENCODER:-surface}               # hub id, local folder, or surface, which needs no weights
EPOCHS=${EPOCHS:-6}

source recipes/cpu_env.sh
PYTHON=.venv/bin/python
mkdir -p "$OUT"

"$PYTHON" - "$CONTEXT" "$OUT" <<'SPLIT'
import json, sys, zlib
context, out = sys.argv[1:]
with open(context) as rows, open(f"{out}/known.jsonl", "w") as known, open(f"{out}/asked.jsonl", "w") as asked:
    for row in rows:
        (asked if zlib.crc32(str(json.loads(row)["id"]).encode()) % 5 == 0 else known).write(row)
SPLIT

train() {
    local name=$1
    shift
    [ -f "$OUT/$name/done" ] && return
    "$PYTHON" -m v05_verl.value.v0.train --data "$OUT/known.jsonl" --prompts "$PROMPTS" --encoder "$ENCODER" \
        --queries 64 --epochs "$EPOCHS" --patience 2 --lr 1e-3 --out "$OUT/$name" "$@"
    touch "$OUT/$name/done"
}
train adapter
train adapter_without_ranking --rank-weight 0
train pooled --no-adapter --lr 1e-2

OPTIONS=("v0.encoder=$ENCODER")
for name in adapter adapter_without_ranking pooled; do OPTIONS+=("v0@$name.checkpoint=$OUT/$name/best.pt"); done
echo "== unseen prompts; recalibration before and after"
"$PYTHON" -m v05_verl.value.evaluate --context "$OUT/known.jsonl" --query "$OUT/asked.jsonl" --prompts "$PROMPTS" \
    --model v0@untrained v0@pooled v0@adapter v0@adapter_without_ranking gp --against v0@untrained \
    --option "${OPTIONS[@]}" --recalibrate --json "$OUT/unseen_prompts.json"
echo "== prompts that the policy met before, with and without their history"
"$PYTHON" -m v05_verl.value.evaluate --context "$CONTEXT" --prompts "$PROMPTS" --revisit \
    --model v0@history v0@history_all_policies v0@no_history gp tracker --against v0@no_history \
    --option "v0.encoder=$ENCODER" v0@history_all_policies.pool=all v0@no_history.history=False \
    --json "$OUT/met_before.json"
