# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from v05_verl.cpu.engine import Engine, Sampling, Sequence

from .conftest import tiny_model

EOS, VOCAB = 1, 20
GREEDY = Sampling(temperature=0)


@pytest.fixture(scope="module")
def model():
    model = tiny_model(positions=128)
    torch.nn.init.normal_(model.lm_head.weight, std=0.5)
    return model


def engine_of(model, max_rows=4, max_positions=64, eos_token_ids=frozenset({EOS})):
    return Engine(
        model, eos_token_ids=eos_token_ids, vocab_size=VOCAB, max_rows=max_rows, max_positions=max_positions, seed=0
    )


def run(engine, prompts, max_tokens=12, sampling=GREEDY):
    ended = []
    sequences = [
        Sequence(prompt, max_tokens, sampling, on_done=ended.append, on_error=lambda error: None) for prompt in prompts
    ]
    for sequence in sequences:
        engine.add(sequence)
    for _ in range(1000):
        if not engine.busy:
            break
        engine.step()
    assert ended == ["completed"] * len(prompts)
    return sequences


def prompts_of_many_lengths(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 20, (count,), generator=generator).tolist()
    return [torch.randint(2, VOCAB, (length,), generator=generator).tolist() for length in lengths]


def greedy_by_full_forward(model, prompt, max_tokens):
    tokens = []
    while len(tokens) < max_tokens:
        logits = model(torch.tensor([prompt + tokens])).logits[0, -1, :VOCAB]
        tokens.append(int(logits.argmax()))
        if tokens[-1] == EOS:
            break
    return tokens


@pytest.mark.parametrize("max_rows", [1, 3, 64])
def test_greedy_tokens_are_those_of_a_full_forward_pass_whatever_the_batching(model, max_rows):
    prompts = prompts_of_many_lengths(17)
    with torch.inference_mode():
        expected = [greedy_by_full_forward(model, prompt, 12) for prompt in prompts]
    assert any(tokens[-1] == EOS for tokens in expected) and any(len(tokens) == 12 for tokens in expected)
    assert [sequence.tokens for sequence in run(engine_of(model, max_rows), prompts)] == expected


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=0.7, top_p=0.8), Sampling(top_k=3)])
def test_log_probs_are_those_of_the_sampling_distribution(model, sampling):
    for sequence in run(engine_of(model), prompts_of_many_lengths(6), sampling=sampling):
        with torch.inference_mode():
            logits = model(torch.tensor([sequence.prompt + sequence.tokens])).logits[0, len(sequence.prompt) - 1 : -1]
        logits = logits[:, :VOCAB] / sampling.temperature
        if sampling.top_k > 0:
            kept = logits >= logits.topk(sampling.top_k).values[:, -1:]
            logits = logits.masked_fill(~kept, float("-inf"))
        if sampling.top_p < 1:
            ranked, order = logits.softmax(-1).sort(descending=True)
            dropped = (ranked.cumsum(-1) - ranked) >= sampling.top_p
            logits = logits.masked_fill(dropped.gather(1, order.argsort(-1)), float("-inf"))
        expected = logits.log_softmax(-1)[torch.arange(len(logits)), torch.tensor(sequence.tokens)]
        torch.testing.assert_close(torch.tensor(sequence.log_probs), expected, atol=1e-5, rtol=1e-5)


def test_sampled_frequencies_follow_the_model(model):
    with torch.inference_mode():
        expected = model(torch.tensor([[5, 6]])).logits[0, -1, :VOCAB].softmax(-1)
    drawn = run(engine_of(model, max_rows=256), [[5, 6]] * 4000, max_tokens=1, sampling=Sampling())
    observed = torch.bincount(torch.tensor([sequence.tokens[0] for sequence in drawn]), minlength=VOCAB) / 4000
    assert (observed - expected).abs().max() < 4 * (0.25 / 4000) ** 0.5


def test_a_step_without_admission_only_drains(model):
    engine = engine_of(model, max_rows=2, eos_token_ids=frozenset())
    for prompt in prompts_of_many_lengths(5):
        engine.add(Sequence(prompt, 3, GREEDY, on_done=lambda reason: None, on_error=lambda error: None))
    engine.step()
    assert engine.running == 2
    for _ in range(3):
        engine.step(admit=False)
    assert engine.running == 0 and engine.busy
    assert len(engine.drop_all()) == 3 and not engine.busy


@pytest.mark.parametrize(
    ("prompt", "max_tokens", "sentence"), [([], 3, "prompt is empty"), ([2] * 60, 5, "does not fit"), ([2], 0, "fit")]
)
def test_what_does_not_fit_is_refused(model, prompt, max_tokens, sentence):
    sequence = Sequence(prompt, max_tokens, GREEDY, on_done=lambda reason: None, on_error=lambda error: None)
    with pytest.raises(ValueError, match=sentence):
        engine_of(model).add(sequence)
