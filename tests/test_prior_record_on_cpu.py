# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from v05_verl.core.group_size import group_size
from v05_verl.core.posterior import PriorModel, posterior
from v05_verl.core.posterior_fit import fit_prior_model
from v05_verl.prior_record import PriorRecord


def pairs_of(mean, n, prior, reward_range=(-1, 1)):
    """With the unbiased variance that rewards at the ends of the range have."""
    (lo, hi), mean, n = reward_range, np.asarray(mean, dtype=float), np.asarray(n)
    return mean, n, prior, (mean - lo) * (hi - mean) * n / np.maximum(n - 1, 1)


def step(rng, size=32):
    prior = rng.uniform(-1, 1, size)
    return pairs_of(rng.binomial(4, (prior + 1) / 2) / 2 - 1, np.full(size, 4), prior)


def test_the_model_moves_with_each_of_the_first_five_steps_then_with_every_fifth():
    record, rng = PriorRecord(), np.random.default_rng(0)
    assert record.model == PriorModel()
    moved = []
    for i in range(1, 16):
        before, pairs = record.model, step(rng)
        record.add(*pairs)
        if i == 1:
            assert record.model == pytest.approx(fit_prior_model(*pairs[:3], max_iterations=30))
        if record.model != before:
            moved.append(i)
    assert moved == [1, 2, 3, 4, 5, 10, 15]


def test_before_anything_is_known_a_prior_weighs_little_and_few_rollouts_change_that():
    """Leave one out weighs the three others by 1; what priors are worth shows in the first step."""
    constant, sharp, rng = PriorRecord(), PriorRecord(), np.random.default_rng(0)
    unsure = posterior(-1.0, 3, 0.0, constant.model)
    assert -0.9 < unsure.mean < -0.7
    rate = rng.beta(0.2, 0.2, 32)  # many prompts are always or never solved, and the prior says .5 of each
    constant.add(*pairs_of(rng.binomial(4, rate) / 2 - 1, np.full(32, 4), np.zeros(32)))
    sharp.add(*step(rng))
    assert posterior(-1.0, 3, 0.0, constant.model).mean < unsure.mean < posterior(-1.0, 3, 0.0, sharp.model).mean


def test_only_the_newest_pairs_count():
    record, other, rng = (
        PriorRecord(capacity=32, several=0, refit_every=1),
        PriorRecord(refit_every=1),
        np.random.default_rng(0),
    )
    newest = step(rng)
    record.add(*step(rng))
    record.add(*newest)
    other.add(*newest)
    assert record.model == pytest.approx(other.model, rel=1e-2)


def test_a_restored_record_goes_on_as_if_nothing_had_happened():
    record, rng = PriorRecord(refit_every=2, reward_range=(-1.0, 1.0)), np.random.default_rng(0)
    for _ in range(3):
        record.add(*step(rng))
    restored = PriorRecord(refit_every=2)
    restored.load_state_dict(record.state_dict())
    last = step(rng)
    for one in (record, restored):
        one.add(*last)
    assert restored.model == record.model != PriorModel()


def test_rewards_of_another_range_give_the_same_model():
    usual, moved, rng = (
        PriorRecord(refit_every=1),
        PriorRecord(refit_every=1, reward_range=(0, 1)),
        np.random.default_rng(0),
    )
    mean, n, prior, variance = step(rng)
    usual.add(mean, n, prior, variance)
    moved.add((mean + 1) / 2, n, (prior + 1) / 2, variance / 4)
    assert moved.model == pytest.approx(usual.model, rel=1e-4, abs=1e-6)


def test_pairs_of_several_rollouts_are_kept_longer_than_single_ones():
    record = PriorRecord(capacity=4, several=2)
    record.add(*pairs_of([0.0, 0.5, -0.5], [4, 4, 4], [0.1, 0.2, 0.3]))
    record.add([1.0] * 5, [1] * 5, [0.4] * 5, [np.nan] * 5)
    assert record.seen == 8
    assert record.state_dict()["pairs"][:, 2].tolist() == [0.2, 0.3, 0.4, 0.4, 0.4, 0.4]
    assert record.recent(3).tolist() == [0.4] * 3


def test_the_measured_risk_is_the_squared_error_freed_of_sampling_noise():
    # The default model expects a mean of 0 at a prior of 0; two of four are right: error 0, noise 1/3.
    record = PriorRecord()
    record.add(*pairs_of([0.0, 1.0], [4, 4], [0.0, 0.0]))
    error, uncertainty, expected = record.measured_risk()
    assert error == pytest.approx(np.mean([-1 / 3, 1.0])) and uncertainty == pytest.approx(2 / 3)
    assert 0 < expected < 1


def test_overconfidence_shows_where_a_good_prior_turns_bad():
    rng = np.random.default_rng(0)
    record = PriorRecord(refit_every=10**9)  # a model that stays
    record.add(*step(rng, 256))
    assert record.overconfidence() == 1.0
    prior, rate = rng.uniform(-1, 1, 256), rng.random(256)  # nothing to do with each other
    record.add(*pairs_of(rng.binomial(4, rate) / 2 - 1, np.full(256, 4), prior))
    assert record.overconfidence() > 2


def test_the_present_model_is_held_against_groups_of_several_too():
    """What models of their own time expected came; the present one, which single outcomes drew away, claims more."""
    rng, record = np.random.default_rng(0), PriorRecord(refit_every=10**9)
    rate = rng.beta(0.5, 0.5, 256)
    record.add(*pairs_of(2 * rng.binomial(4, rate) / 4 - 1, np.full(256, 4), np.zeros(256)))
    error, _, expected = record.measured_risk()
    assert error == pytest.approx(expected, rel=0.2) and record.overconfidence() == 1.0
    record.model = PriorModel(strength=20.0, outlier_share=0.01)
    assert record.measured_risk()[2] == expected and record.overconfidence() > 5


def test_the_noise_is_the_mean_variance_within_groups():
    record = PriorRecord()
    assert all(np.isnan(record.noise()))
    record.add([0.0, 0.5, 1.0], [4, 4, 1], [0.0] * 3, [1.0, 0.4, np.nan])
    noise, uncertainty = record.noise()
    assert noise == pytest.approx(0.7) and uncertainty == pytest.approx(0.3)


def test_single_outcomes_cannot_unlearn_how_strong_a_prior_is():
    """Why ``first_wave_sizes`` has probes: a prior that was good says nothing any more, and only they can tell."""
    strengths = []
    for sizes in ([1] * 512, [4] * 16 + [1] * 448):
        rng, record = np.random.default_rng(0), PriorRecord(several=64, refit_every=1)
        rate, n = rng.uniform(0.02, 0.98, 512), np.array(sizes)
        record.add(*pairs_of(2 * rng.binomial(4, rate) / 4 - 1, np.full(512, 4), 2 * rate - 1))
        for _ in range(2):
            mean = 2 * rng.binomial(n, rng.integers(0, 2, n.size)) / n - 1
            record.add(*pairs_of(mean, n, rng.uniform(-0.1, 0.1, n.size)))
        strengths.append(record.model.strength)
    assert strengths[0] > 3 * strengths[1]


def test_rewards_inside_the_range_are_not_taken_for_noisier_than_they_are():
    """Shares of 20 tests on prompts of which the prior tells little: what auto and the record claim is what comes out.

    Taken for successes and failures, groups of them look too even for a prior that is wrong: it would pass for exact.
    """
    rng, record = np.random.default_rng(0), PriorRecord(reward_range=(0, 1))
    for _ in range(10):
        rate = rng.beta(0.7, 0.7, 128)
        rewards = rng.binomial(20, rate[:, None], (128, 4)) / 20
        prior = 0.5 + 0.3 * (rate - 0.5) + rng.normal(0, 0.1, 128)
        record.add(rewards.mean(1), np.full(128, 4), prior.clip(0, 1), rewards.var(1, ddof=1))
    assert record.model.rollout_weight == 16  # the most; 20 by their making
    true = np.mean((posterior(0.0, 0, prior.clip(0, 1), record.model, reward_range=(0, 1)).mean - rate) ** 2)
    error, uncertainty, expected = record.measured_risk()
    assert error == pytest.approx(true, abs=3 * uncertainty) and error == pytest.approx(expected, rel=0.3)
    choice = group_size(record.recent(256), record.model, slack=1.5, reward_range=(0, 1))
    noise = np.mean(rate * (1 - rate)) / 20
    assert choice.k > 1 and choice.reference_risk == pytest.approx(noise / 3, rel=0.4)


def test_a_mean_that_rounding_puts_beyond_the_range_is_the_end_of_the_range():
    record, rewards = PriorRecord(refit_every=1, reward_range=(0, 0.8)), np.array([0.8, 0.8, 0.8])
    assert rewards.mean() > 0.8
    record.add([rewards.mean()] * 3, [3] * 3, [0.5] * 3, [0.0] * 3)
    restored = PriorRecord(reward_range=(0, 0.8))
    restored.load_state_dict(record.state_dict())
    assert restored.model == record.model != PriorModel()
    with pytest.raises(ValueError, match="outside the reward range"):
        record.add([0.81], [3], [0.5], [0.0])


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ({"pairs": np.zeros((4, 2))}, r"pairs must have shape n x 6, got \(4, 2\)"),
        ({"pairs": [[2.0, 4, 0, 0, 0, 0]]}, r"pairs\[0, 0\] = 2 is outside \[-1, 1\]"),
        ({"pairs": [[0.0, 1.5, 0, 0, 0, 0]], "seen": 1}, r"n\[0\] = 1.5 is not a whole number"),
        ({"seen": -1}, "seen must lie in"),
        ({"steps": 1.5}, "steps must be a whole number"),
        ({"model": PriorModel(strength=-1)._asdict()}, "strength must be above 0"),
        ({"model": PriorModel(strength=1e300)._asdict()}, "transformed parameters of the prior model"),
        ({"model": PriorModel(rollout_weight=99)._asdict()}, r"rollout_weight must lie in \[1, 16\]"),
        ({"model": {"shift": 0.0}}, "prior model does not fit: missing"),
    ],
)
def test_a_damaged_state_is_refused(damage, sentence):
    record = PriorRecord()
    with pytest.raises(ValueError, match=sentence):
        record.load_state_dict(record.state_dict() | damage)
