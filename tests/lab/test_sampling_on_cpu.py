# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from v05_verl.lab.prefix_tree import build_prefix_tree, response_log_probs
from v05_verl.lab.sampling import sample
from v05_verl.lab.scoring import encode, exact_accuracy
from v05_verl.lab.tiny_lm import Shape, TinyLM

EOS, PAD = 1, 0
PROMPTS = [[3, 4, 5, 2], [7, 2], [3, 4, 6, 6, 2]]


@pytest.fixture(scope="module")
def model():
    """A model with opinions: untrained, but with large weights."""
    torch.manual_seed(0)
    model = TinyLM(Shape(vocabulary=9))
    for parameter in model.parameters():
        parameter.data += 0.15 * torch.randn_like(parameter)
    return model


def draw(model, counts, seed=0, max_new_tokens=6):
    rng = np.random.default_rng(seed)
    return sample(model, PROMPTS, np.array(counts), rng, eos_id=EOS, pad_id=PAD, max_new_tokens=max_new_tokens)


def padded_log_probs(model, samples):
    """The oracle: one full forward pass per rollout."""
    result = torch.zeros(samples.tokens.shape)
    for row, group in enumerate(samples.group):
        response = samples.tokens[row][samples.tokens[row] >= 0]
        sequence = torch.tensor([[*PROMPTS[group], *response]])
        log_probs = torch.log_softmax(model.logits(model(sequence)[0]), -1)[0]
        for position, token in enumerate(response):
            result[row, position] = log_probs[len(PROMPTS[group]) - 1 + position, token]
    return result


def test_responses_end_at_eos_or_at_the_limit(model):
    samples = draw(model, [40, 40, 40])
    assert np.bincount(samples.group).tolist() == [40, 40, 40]
    for tokens, length in zip(samples.tokens, samples.lengths, strict=True):
        assert (tokens[:length] >= 0).all() and (tokens[length:] == -1).all()
        assert EOS not in tokens[: length - 1]
        assert tokens[length - 1] == EOS or length == 6


def test_log_probabilities_are_those_of_a_full_pass(model):
    samples = draw(model, [5, 0, 30])
    assert set(samples.group) == {0, 2}
    expected = padded_log_probs(model, samples)
    np.testing.assert_allclose(samples.log_probs, expected.detach().numpy(), atol=1e-5)


def test_samples_follow_the_model(model):
    samples = draw(model, [20000, 0, 0], max_new_tokens=2)
    pairs, counts = np.unique(samples.tokens, axis=0, return_counts=True)
    index = [np.flatnonzero((samples.tokens == pair).all(1))[0] for pair in pairs]
    expected = np.exp(samples.log_probs[index].sum(1)) * 20000
    assert expected.sum() == pytest.approx(20000, rel=0.02)
    z = (counts - expected) / np.sqrt(expected)
    assert np.abs(z).max() < 5


def test_the_same_seed_gives_the_same_samples(model):
    np.testing.assert_array_equal(draw(model, [3, 3, 3], seed=5).tokens, draw(model, [3, 3, 3], seed=5).tokens)
    assert (draw(model, [9, 9, 9], seed=5).tokens != draw(model, [9, 9, 9], seed=6).tokens).any()


def test_the_prefix_tree_gives_the_values_and_gradients_of_padded_rows(model):
    samples = draw(model, [12, 7, 9])
    weights = torch.from_numpy(np.random.default_rng(0).normal(size=(28, 1)))
    gradients = []
    tree = response_log_probs(model, PROMPTS, samples.group, samples.tokens)
    for log_probs in (tree, padded_log_probs(model, samples)):
        model.zero_grad()
        (log_probs * weights).sum().backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    torch.testing.assert_close(tree.float(), padded_log_probs(model, samples), atol=1e-5, rtol=1e-4)
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def test_a_prefix_tree_has_one_node_per_distinct_prefix():
    tree = build_prefix_tree(np.array([[3, 4, 5], [3, 4, 6], [3, 7, 0], [3, 4, 5]]), np.array([3, 3, 2, 3]))
    # 3; 34 and 37; 345 and 346.
    assert tree.token.tolist() == [3, 4, 7, 5, 6]
    assert tree.position.tolist() == [0, 1, 1, 2, 2]
    assert tree.node[3].tolist() == tree.node[0].tolist() == [0, 1, 3]
    np.testing.assert_array_equal(tree.node.flatten()[tree.representative], np.arange(5))


def test_exact_accuracy_by_hand(model):
    answers = [[4, EOS], [5, 6, EOS]]
    encoded = encode(PROMPTS[:2], answers, PAD)
    accuracy = exact_accuracy(model, encoded)
    for row, (prompt, answer) in enumerate(zip(PROMPTS, answers, strict=False)):
        log_probs = torch.log_softmax(model.logits(model(torch.tensor([prompt + answer]))[0]), -1)[0]
        steps = [log_probs[len(prompt) - 1 + i] for i in range(len(answer))]
        sampled = np.exp(sum(step[token].item() for step, token in zip(steps, answer, strict=True)))
        assert accuracy.sampled[row] == pytest.approx(sampled, rel=1e-4)
        greedy = all(int(step.argmax()) == token for step, token in zip(steps, answer, strict=True))
        assert accuracy.greedy[row] == greedy
