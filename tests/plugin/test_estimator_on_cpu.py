# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest
import torch
from transfer_queue import KVBatchMeta
from verl import DataProto
from verl.trainer.ppo.core_algos import (
    FixedKLController,
    compute_grpo_outcome_advantage,
    compute_rloo_outcome_advantage,
)
from verl.trainer.ppo.ray_trainer import apply_kl_penalty

from v05_verl import method
from v05_verl.config import V05Config
from v05_verl.core.baseline import centred_penalties
from v05_verl.core.posterior import PriorModel
from v05_verl.plugin.batch import PromptBatch, collect_rows
from v05_verl.plugin.estimator import compute_v05_outcome_advantage, estimating
from v05_verl.plugin.metrics import of_step
from v05_verl.plugin.records import PromptRecord, RunningPrompt

RESPONSE_LENGTH = 5


def verl_batch(
    rewards_by_prompt: dict[str, list[float]], waves: dict[str, list[int]], priors, padding: int = 0, seed=0
):
    """A batch as verl's trainer has it: shuffled row keys and tags, rewards on the last response token."""
    rng = np.random.default_rng(seed)
    keys, rewards = [], []
    records = {}
    for uid, group in rewards_by_prompt.items():
        sizes = np.bincount(waves[uid]).tolist()
        records[uid] = PromptRecord(uid=uid, text=f"text of {uid}", prior=priors[uid], wave_sizes=sizes)
        keys += [f"{uid}_{session}_0" for session in range(len(group))]
        rewards += group
    tags = [{"response_len": RESPONSE_LENGTH} for _ in keys]
    keys += [f"pad0_{row}_0" for row in range(padding)]
    tags += [{"response_len": 1, "is_padding": True} for _ in range(padding)]
    rewards = np.array(rewards + [0.0] * padding)
    order = rng.permutation(len(keys))
    batch = KVBatchMeta(partition_id="train", keys=[keys[i] for i in order], tags=[tags[i] for i in order])
    lengths = rng.integers(1, RESPONSE_LENGTH + 1, len(keys))
    mask = torch.tensor(np.arange(RESPONSE_LENGTH) < lengths[:, None]).long()
    mask[torch.tensor([bool(tag.get("is_padding")) for tag in batch.tags])] = 0
    token_rewards = torch.zeros(len(keys), RESPONSE_LENGTH)
    token_rewards[torch.arange(len(keys)), torch.tensor(lengths) - 1] = torch.tensor(
        rewards[order], dtype=torch.float32
    )
    return batch, records, token_rewards, mask


def advantages(batch, records, token_rewards, mask, prior_model=None, outcome=None, **config):
    settings = V05Config(**config)
    knowing = method.build(settings).knowing(prior_model)
    rows, groups = collect_rows(batch, records, knowing, settings.reward_range)
    rows = replace(rows, outcome=outcome)
    with estimating(rows) as estimate:
        result, returns = compute_v05_outcome_advantage(token_rewards, mask, config=None, index=None)
    assert torch.equal(result, returns)
    return result, rows, estimate(), groups


def uneven_groups(seed=0, choices=(-1.0, 1.0)):
    rng = np.random.default_rng(seed)
    sizes = {f"uid{i}": int(rng.integers(4, 17)) for i in range(12)}
    rewards = {uid: rng.choice(choices, n).tolist() for uid, n in sizes.items()}
    waves = {uid: [0] * 4 + list(range(1, n - 3)) for uid, n in sizes.items()}
    priors = {uid: float(rng.uniform(-1, 1)) for uid in sizes}
    return rewards, waves, priors


@pytest.mark.parametrize("choices", [(-1.0, 1.0), (0.0, 1.0), (-1.0, 0.5, 1.0)])
@pytest.mark.parametrize("seed", range(3))
def test_without_the_priors_weight_it_is_verls_own_group_mean_advantage_bit_for_bit(seed, choices):
    batch, records, token_rewards, mask = verl_batch(*uneven_groups(seed, choices), padding=7, seed=seed)
    ours, *_ = advantages(batch, records, token_rewards, mask, baseline="group_mean")
    index = np.array([key.rsplit("_", 2)[0] for key in batch.keys], dtype=object)
    theirs, _ = compute_grpo_outcome_advantage(token_rewards, mask, index, norm_adv_by_std_in_grpo=False)
    assert torch.equal(ours, theirs)


def test_leave_one_out_is_verls_rloo():
    batch, records, token_rewards, mask = verl_batch(*uneven_groups(), padding=3)
    ours, *_ = advantages(batch, records, token_rewards, mask, baseline="leave_one_out")
    index = np.array([key.rsplit("_", 2)[0] for key in batch.keys], dtype=object)
    theirs, _ = compute_rloo_outcome_advantage(token_rewards, mask, index)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def with_kl_in_reward(token_rewards, mask, seed=0):
    """Token rewards after verl's penalty, as with ``algorithm.use_kl_in_reward``, and the outcomes."""
    rng = torch.Generator().manual_seed(seed)
    old, ref = (-torch.rand(mask.shape, generator=rng) for _ in range(2))
    scores = {"token_level_scores": token_rewards, "old_log_probs": old, "ref_log_prob": ref, "response_mask": mask}
    data, _ = apply_kl_penalty(DataProto.from_single_dict(scores), FixedKLController(0.1), kl_penalty="kl")
    return data.batch["token_level_rewards"], token_rewards.sum(-1).double().numpy()


def test_with_verls_kl_penalty_leave_one_out_is_still_verls_rloo():
    batch, records, token_rewards, mask = verl_batch(*uneven_groups(), padding=3)
    penalised, outcome = with_kl_in_reward(token_rewards, mask)
    ours, _, estimate, _ = advantages(batch, records, penalised, mask, outcome=outcome, baseline="leave_one_out")
    index = np.array([key.rsplit("_", 2)[0] for key in batch.keys], dtype=object)
    theirs, _ = compute_rloo_outcome_advantage(penalised, mask, index)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    assert set(estimate.rewards) == {-1.0, 0.0, 1.0}  # 0: padding rows


def test_a_kl_penalty_leaves_baselines_of_outcomes_as_they_are():
    batch, records, token_rewards, mask = verl_batch(*uneven_groups(), padding=3)
    penalised, outcome = with_kl_in_reward(token_rewards, mask)
    _, _, plain, _ = advantages(batch, records, token_rewards, mask)
    _, _, estimate, _ = advantages(batch, records, penalised, mask, outcome=outcome)
    np.testing.assert_array_equal(estimate.baselines, plain.baselines)
    np.testing.assert_array_equal(estimate.rewards, plain.rewards)
    assert np.abs(estimate.advantages - plain.advantages).max() > 0.01


def test_penalties_are_held_against_the_others_of_the_prompt():
    # The prompt's others: (2 + 6) / 2, (1 + 6) / 2, (1 + 2) / 2; the only one of its prompt: all others, 9 / 3.
    centred = centred_penalties(np.array([1.0, 2.0, 6.0, 4.0]), np.array([0, 0, 0, 1]))
    np.testing.assert_allclose(centred, [1 - 4, 2 - 3.5, 6 - 1.5, 4 - 3])
    np.testing.assert_array_equal(centred_penalties(np.array([5.0]), np.array([7])), [0.0])


def test_a_penalty_that_is_no_number_names_its_prompt():
    batch, records, token_rewards, mask = verl_batch({"a": [1, -1]}, {"a": [0, 0]}, {"a": 0.0})
    penalised = token_rewards.clone()
    penalised[1, 0] = float("nan")
    with pytest.raises(ValueError, match="the KL penalty of prompt 'text of a' is nan"):
        advantages(batch, records, penalised, mask, outcome=token_rewards.sum(-1).numpy())


def test_the_penalty_of_a_session_is_that_of_all_its_outputs():
    # Penalties .1 + .3 and .2 in one group of two, outcomes 1 and -1: 1 - 0 - (.4 - .2) and -1 - 0 - (.2 - .4).
    _, records, _, _ = verl_batch({"a": [1, -1]}, {"a": [0, 0]}, {"a": 0.0})
    batch = KVBatchMeta(partition_id="train", keys=["a_0_0", "a_0_1", "a_1_0"], tags=[{"response_len": 1}] * 3)
    outcome = np.array([0.0, 1.0, -1.0])
    token_rewards = torch.tensor([[-0.1], [1 - 0.3], [-1 - 0.2]])
    result, *_ = advantages(batch, records, token_rewards, torch.ones(3, 1), outcome=outcome, baseline="group_mean")
    np.testing.assert_allclose(result[:, 0], [0.8, 0.8, -0.8], atol=1e-6)


def test_fused_advantages_by_hand():
    # One prompt, rewards 1 1 1 -1, prior -1: v = .5, d = 1.5, D = 2, w = 2 / 2.25, baseline = -1 + 4/3 = 1/3.
    batch, records, token_rewards, mask = verl_batch({"a": [1, 1, 1, -1]}, {"a": [0] * 4}, {"a": -1.0})
    result, _, estimate, _ = advantages(batch, records, token_rewards, mask)
    expected = torch.tensor(estimate.rewards - 1 / 3, dtype=torch.float32).unsqueeze(-1) * mask
    torch.testing.assert_close(result, expected)


def test_robust_advantages_by_hand():
    # Beta(1, 1) at prior 0: of 1 1 -1 and a later 1, all four give 4/6, the others of the first wave 2/4, 2/4, 3/4,
    # and the first wave 3/5; a missing prior leaves the group mean.
    model = PriorModel(strength=2.0, outlier_share=1e-9)
    rewards, waves = {"a": [1, 1, -1, 1], "b": [1, -1]}, {"a": [0, 0, 0, 1], "b": [0, 0]}
    batch = verl_batch(rewards, waves, {"a": 0.0, "b": None})
    for baseline, expected in (("fused", [1 / 3] * 4), ("predictable", [0.0, 0.0, 0.5, 0.2])):
        _, _, estimate, _ = advantages(*batch, prior_model=model, mode="robust", baseline=baseline)
        by_key = dict(zip(batch[0].keys, estimate.baselines, strict=True))
        np.testing.assert_allclose([by_key[f"a_{session}_0"] for session in range(4)], expected, atol=1e-6)
        assert [by_key["b_0_0"], by_key["b_1_0"]] == [0.0, 0.0]


def test_a_missing_prior_leaves_the_group_mean():
    batch, records, token_rewards, mask = verl_batch(
        {"a": [1, 1, 1, -1], "b": [1, 1, 1, 1]}, {"a": [0] * 4, "b": [0] * 4}, {"a": None, "b": 1.0}
    )
    _, rows, estimate, groups = advantages(batch, records, token_rewards, mask)
    assert [record.uid for record in groups] == ["a", "b"]
    np.testing.assert_allclose(estimate.baselines[rows.group == 0], 0.5)
    np.testing.assert_allclose(estimate.baselines[rows.group == 1], 1.0)


def test_padding_rows_enter_no_statistic():
    groups = uneven_groups(3)
    plain = advantages(*verl_batch(*groups))
    padded_batch = verl_batch(*groups, padding=9)
    padded = advantages(*padded_batch)
    config = V05Config()

    def metrics(rows, estimate, records):
        return of_step(PromptBatch.of(rows, estimate, records), rows, estimate, config, step=1)

    without, with_padding = metrics(*plain[1:]), metrics(*padded[1:])
    assert with_padding.pop("v05/batch/padding_rows") == 9
    assert without.pop("v05/batch/padding_rows") == 0
    assert without == pytest.approx(with_padding)
    is_padding = torch.tensor([bool(tag.get("is_padding")) for tag in padded_batch[0].tags])
    assert torch.all(padded[0][is_padding] == 0)


def test_outputs_of_one_session_count_once_and_share_its_advantage():
    batch, records, _, _ = verl_batch({"a": [1, -1]}, {"a": [0, 0]}, {"a": 0.0})
    keys = ["a_0_0", "a_0_1", "a_1_0"]
    batch = KVBatchMeta(partition_id="train", keys=keys, tags=[{"response_len": 1}] * 3)
    token_rewards, mask = torch.tensor([[1.0], [1.0], [-1.0]]), torch.ones(3, 1)
    result, rows, estimate, groups = advantages(batch, records, token_rewards, mask, baseline="group_mean")
    assert rows.is_final.tolist() == [False, True, True]
    assert result[:, 0].tolist() == [1.0, 1.0, -1.0]
    assert PromptBatch.of(rows, estimate, groups).trials.tolist() == [2]


def test_outside_its_trainer_it_says_what_is_missing():
    with pytest.raises(RuntimeError, match=r"\+v05=default"):
        compute_v05_outcome_advantage(torch.zeros(1, 1), torch.ones(1, 1))


@pytest.mark.parametrize(("reward", "shown"), [(float("nan"), "nan"), (2.0, "2"), (-1.5, "-1.5")])
def test_a_reward_outside_the_range_is_an_error_that_names_its_prompt(reward, shown):
    batch, records, token_rewards, mask = verl_batch({"a": [1, reward]}, {"a": [0, 0]}, {"a": 0.0}, padding=2)
    with pytest.raises(ValueError, match=f"reward {shown} of prompt 'text of a' is outside .*1 of 2 rewards"):
        advantages(batch, records, token_rewards, mask)


def test_a_row_without_a_record_is_an_error():
    batch, _, _, _ = verl_batch({"a": [1]}, {"a": [0]}, {"a": 0.0})
    with pytest.raises(LookupError, match="no rollout record of prompt a"):
        collect_rows(batch, {}, method.build(V05Config()), (-1.0, 1.0))


def test_metrics_of_a_step_by_hand():
    # a: first wave 1 1 1 1 with prior -1, one more 1; b: 1 -1 -1 -1 with prior -.5 (accepted).
    batch, records, token_rewards, mask = verl_batch(
        {"a": [1, 1, 1, 1, 1], "b": [1, -1, -1, -1]}, {"a": [0, 0, 0, 0, 1], "b": [0] * 4}, {"a": -1.0, "b": -0.5}
    )
    _, rows, estimate, groups = advantages(batch, records, token_rewards, mask)
    config = V05Config()
    running = RunningPrompt(groups[0])
    for session, info in enumerate([{"acc": 1.0, "pred": "7"}, {"acc": np.float32(0)}, {"acc": True, "score": 1.0}]):
        running.note(session, [f"a_{session}_0"], 1.0, info)
    assert running.row_tags()[0] == ["a_0_0"]
    groups[1].prior_wait_s = 3.0
    metrics = of_step(PromptBatch.of(rows, estimate, groups), rows, estimate, config, step=1)
    assert metrics["v05/rollouts/extended_frac"] == pytest.approx(1 / 2)
    assert metrics["v05/rollouts/extra_on_uniform_frac"] == 1.0
    assert metrics["v05/rollouts/uniform_frac"] == 0.5
    assert metrics["v05/prior/accepted_frac"] == 0.5
    # a: d = 2, sigma^2 = 1/5: w = 1 - .2/4 = .95.
    assert metrics["v05/prior/weight_on_group_mean"] == pytest.approx(0.95 / 2)
    # Squared errors of the first waves 4 and 0; noise: variance 0 and 1, over 4.
    assert metrics["v05/prior/mse"] == pytest.approx((4 - 0 + 0 - 1 / 4) / 2)
    assert metrics["v05/prior/auc"] == 0.0
    assert metrics["v05/prior/calibration_slope"] == pytest.approx(-1.5 / 0.5)
    assert metrics["v05/reward/acc/mean"] == pytest.approx(2 / 3)
    assert not any("pred" in name or "score" in name for name in metrics)
    assert metrics["v05/prior/missing_frac"] == 0.0
    assert metrics["v05/prior/wait_s/max"] == 3.0
    assert metrics["v05/prior/wait_s/p50"] == 1.5


def test_metrics_of_a_hard_total_by_hand():
    # VIP's steps at p = 1/2 from 2 on are 1/2, 1/6, …; at p = 0 they gain nothing.
    batch = verl_batch({"a": [1, -1, 1], "b": [-1] * 3}, {"a": [0] * 3, "b": [0] * 3}, {"a": 0.0, "b": -1.0})
    keys = {"budget": "allocated", "baseline": "leave_one_out", "allocation": {"coefficient": "plugin", "upper": 3}}
    keys |= {"step_rollouts": 6}
    _, rows, estimate, groups = advantages(*batch, **keys)
    metrics = of_step(PromptBatch.of(rows, estimate, groups), rows, estimate, V05Config(**keys), step=1)
    assert metrics["v05/allocation/price"] == 0 and metrics["v05/allocation/upper_frac"] == 1
    assert metrics["v05/allocation/lower_frac"] == 0
    assert metrics["v05/allocation/prior_dead"] == pytest.approx(2 / 8 + 1)
    # total: the second wave's one rollout goes to a, whose steps at n = 2, expected pq, are above b's.
    batch = verl_batch({"a": [1, -1, 1], "b": [-1] * 2}, {"a": [0, 0, 1], "b": [0] * 2}, {"a": 0.0, "b": -1.0})
    keys = {"budget": "total", "baseline": "predictable", "mode": "robust", "k_init": 2}
    _, rows, estimate, groups = advantages(*batch, **keys)
    metrics = of_step(PromptBatch.of(rows, estimate, groups), rows, estimate, V05Config(**keys), step=1)
    assert metrics["v05/allocation/lower_frac"] == 0.5 and metrics["v05/total/idle_frac"] == 0
    assert metrics["v05/allocation/price"] > 0
