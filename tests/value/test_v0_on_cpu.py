# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""V0's adapter, heads and checkpoints, with tiny encoders made here."""

import random
import sys

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

from v05_verl.value.v0 import V0
from v05_verl.value.v0.adapter import QueryAdapter, padded, pooled
from v05_verl.value.v0.checkpoint import read_checkpoint
from v05_verl.value.v0.encoder import HuggingFaceEncoder, SurfaceEncoder
from v05_verl.value.v0.heads import BayesHead, Context, build_head

from ..mutations import Harmful

RELEASE_NAMES = {
    "static_queries": (168, 6),
    "generator.0.weight": (128, 32),
    "generator.0.bias": (128,),
    "generator.1.weight": (128,),
    "generator.1.bias": (128,),
    "generator.4.weight": (1008, 128),
    "generator.4.bias": (1008,),
    "proj_kv.weight": (6, 32),
    "proj_kv.bias": (6,),
    "mha.in_proj_weight": (18, 6),
    "mha.in_proj_bias": (18,),
    "mha.out_proj.weight": (6, 6),
    "mha.out_proj.bias": (6,),
    "ln_q.weight": (6,),
    "ln_q.bias": (6,),
    "ln_kv.weight": (6,),
    "ln_kv.bias": (6,),
}
PROMPTS = ["What is 1+1?", "Find x.", "", "a b c d e f g h i j"]


@pytest.fixture(scope="module", params=["qwen3", "bert"])
def folder(request, tmp_path_factory):
    """A tiny random encoder in a local folder, with a character tokenizer."""
    torch.manual_seed(0)
    letters = {c: i for i, c in enumerate(["<pad>", "<eos>", *"abcdefghijklmnopqrstuvwxyzFW0123456789+-?. "])}
    tokenizer = Tokenizer(models.WordLevel(letters, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    sizes = {"vocab_size": len(letters), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    if request.param == "qwen3":
        heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16}
        model = Qwen3Model(Qwen3Config(**sizes, **heads, max_position_embeddings=4096))
    else:
        model = BertModel(BertConfig(**sizes, num_attention_heads=2, max_position_embeddings=128))
    path = tmp_path_factory.mktemp(request.param)
    model.save_pretrained(path)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>").save_pretrained(path)
    return str(path)


def write_release(path, dim=32, prefix="", changes=None, seed=0):
    """A checkpoint in the release's layout: a random adapter, no backbone."""
    torch.manual_seed(seed)
    adapter = QueryAdapter(dim)
    torch.nn.init.normal_(adapter.generator[-1].weight, std=0.1)
    values = {f"{prefix}adapter_layer.{name}": value for name, value in adapter.state_dict().items()}
    for old, new in (changes or {}).items():
        value = values.pop(old)
        if isinstance(new, str):
            values[new] = value
        else:
            values[old] = new
    torch.save({"model_state_dict": values}, path)
    return str(path)


def test_adapter_has_the_names_and_shapes_of_the_release():
    assert {name: tuple(value.shape) for name, value in QueryAdapter(32).state_dict().items()} == RELEASE_NAMES


def test_fresh_adapter_asks_the_same_queries_of_every_prompt():
    adapter = QueryAdapter(32).eval()
    assert torch.all(adapter.generator(torch.randn(3, 32)) == 0)


def test_adapter_by_hand_with_one_token():
    # Attention over one token returns that token's value whatever the query is.
    adapter = QueryAdapter(4, n_queries=3, query_dim=2, n_heads=1, hidden=5).eval()
    state = torch.randn(1, 1, 4)
    value = adapter.proj_kv(state)[0, 0]
    w, b = adapter.mha.in_proj_weight[4:], adapter.mha.in_proj_bias[4:]
    expected = adapter.mha.out_proj(w @ value + b).repeat(3)
    torch.testing.assert_close(adapter(state, torch.tensor([1]))[0], expected)


def test_padding_changes_no_feature():
    adapter = QueryAdapter(8).eval()
    states = [torch.randn(n, 8) for n in (1, 5, 9)]
    together = adapter(*padded(states))
    alone = torch.cat([adapter(*padded([each])) for each in states])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(pooled(states)[1], torch.cat([states[1][:-1].mean(0), states[1][-1]]))


def test_encoder_gives_token_states_that_do_not_depend_on_the_batch(folder):
    encoder = HuggingFaceEncoder(folder)
    together = encoder.states(PROMPTS)
    assert [len(each) for each in together] == [12, 7, 1, 19] and encoder.dim == 32
    for prompt, states in zip(PROMPTS, together, strict=True):
        torch.testing.assert_close(encoder.states([prompt])[0], states, atol=1e-5, rtol=1e-4)
    assert not encoder.model.training and not any(p.requires_grad for p in encoder.model.parameters())
    assert len(encoder.states(["a" * 100_000])[0]) <= 2048


def test_missing_encoder_is_an_error_that_says_what_to_give(tmp_path):
    with pytest.raises(ValueError, match="could not be loaded: give a folder"):
        HuggingFaceEncoder(str(tmp_path))


def test_surface_encoder_is_the_same_in_every_call():
    first, second = (SurfaceEncoder().states(["Find x."])[0] for _ in range(2))
    assert torch.equal(first, second) and len(first) == 4  # find, x, the dot, the summary


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_release_checkpoint_loads_and_predicts(folder, tmp_path, prefix):
    model = V0.from_release(checkpoint=write_release(tmp_path / "v0.pt", prefix=prefix), encoder=folder, head="bayes")
    model.observe(PROMPTS, [0, 2, 4, 1], [4, 4, 4, 4], 1)
    p = model.predict([*PROMPTS, "What is 2+2?", "a" * 100_000], 1)
    assert np.all((p > 0) & (p < 1)) and len(set(p.round(6))) > 2


def test_the_backbone_of_a_checkpoint_is_loaded_and_checked(folder, tmp_path):
    path = tmp_path / "v0.pt"
    write_release(path)
    content = torch.load(path, weights_only=True)
    backbone = {f"backbone.{name}": value + 1 for name, value in HuggingFaceEncoder(folder).model.state_dict().items()}
    content["model_state_dict"] |= backbone
    torch.save(content, path)
    model = V0(checkpoint=str(path), encoder=folder)
    name, value = next(iter(backbone.items()))
    torch.testing.assert_close(model._encoder.model.state_dict()[name.removeprefix("backbone.")], value)
    del content["model_state_dict"][name]
    torch.save(content, path)
    with pytest.raises(ValueError, match=f"missing {name}"):
        V0(checkpoint=str(path), encoder=folder)


@pytest.mark.parametrize(
    ("changes", "offender"),
    [
        (
            {"adapter_layer.ln_q.weight": "adapter_layer.ln_query.weight"},
            "missing adapter_layer.ln_q.weight; unexpected adapter_layer.ln_query.weight",
        ),
        (
            {"adapter_layer.proj_kv.weight": torch.zeros(6, 48)},
            r"adapter_layer.proj_kv.weight has shape \(6, 48\), not \(6, 32\)",
        ),
        ({"adapter_layer.ln_q.bias": "classifier.bias"}, "unexpected keys .'classifier.bias'."),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_explained(folder, tmp_path, changes, offender):
    path = write_release(tmp_path / "v0.pt", changes=changes)
    with pytest.raises(ValueError, match=offender):
        V0.from_release(checkpoint=path, encoder=folder, head="bayes")


def test_a_truncated_a_foreign_and_a_missing_file(tmp_path):
    path = tmp_path / "v0.pt"
    write_release(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged or truncated"):
        V0(checkpoint=str(path), encoder="surface")
    torch.save({"weights": {}}, path)
    with pytest.raises(ValueError, match="no key 'model_state_dict'; it holds .'weights'."):
        V0(checkpoint=str(path), encoder="surface")
    with pytest.raises(ValueError, match="there is no such file"):
        V0(checkpoint=str(tmp_path / "none.pt"), encoder="surface")


def test_every_flipped_byte_of_a_checkpoint_is_refused_or_of_no_consequence(tmp_path):
    path, rng = tmp_path / "v0.pt", random.Random(0)
    write_release(path, dim=256)
    whole, parts = path.read_bytes(), read_checkpoint(path)
    refused = 0
    for _ in range(150):
        raw, at = bytearray(whole), rng.randrange(len(whole))
        raw[at] ^= 1 << rng.randrange(8)
        path.write_bytes(raw)
        try:
            found = read_checkpoint(path)
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            assert all(torch.equal(found.adapter[name], value) for name, value in parts.adapter.items())
            assert found.adapter.keys() == parts.adapter.keys()
    assert refused >= 100


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"model_state_dict": [1]}, "model_state_dict must be a dictionary, got list"),
        ({"model_state_dict": {}, "settings": 3}, "settings must be a dictionary, got int"),
        ({"model_state_dict": {"adapter_layer.ln_q.bias": [0.0]}}, "'adapter_layer.ln_q.bias' is no parameter"),
        ({"model_state_dict": {"adapter_layer.ln_q.bias": torch.tensor([float("nan")])}}, "no parameter of finite"),
        ({"model_state_dict": {1: torch.zeros(2)}}, "1 is no parameter"),
        ({"model_state_dict": {"adapter_layer.static_queries": torch.zeros(5)}}, r"shape \(5,\), not \(168, 6\)"),
        ({"model_state_dict": {"adapter_layer.generator.0.weight": torch.tensor(1.0)}}, r"shape \(\), not"),
        (
            {"model_state_dict": {"adapter_layer.static_queries": torch.zeros(5, 7)}},
            "5 queries of width 7 and n_heads 3",
        ),
        (
            {"model_state_dict": {"adapter_layer.ln_q.bias": torch.zeros(6)}, "settings": {"n_heads": "3"}},
            "168 queries of width 6 and n_heads '3'",
        ),
    ],
)
def test_a_checkpoint_of_wrong_parts_is_a_sentence(tmp_path, content, sentence):
    torch.save(content, tmp_path / "v0.pt")
    with pytest.raises(ValueError, match=sentence):
        V0(checkpoint=str(tmp_path / "v0.pt"), encoder="surface")


def test_a_checkpoint_with_code_in_it_is_not_run(tmp_path):
    path = tmp_path / "v0.pt"
    torch.save({"model_state_dict": {}, "settings": Harmful(tmp_path / "made")}, path)
    with pytest.raises(ValueError, match=f"checkpoint {path} .*holds code"):
        V0(checkpoint=str(path), encoder="surface")
    assert not (tmp_path / "made").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "made").exists()


def context(n=30, seed=0):
    torch.manual_seed(seed)
    features = torch.randn(n, 5)
    rates = torch.sigmoid(2 * features[:, 0]).double()
    return Context(features, rates, torch.full((n,), 8.0), torch.full((n,), float(rates.mean())))


def test_bayes_head_is_gaussian_process_regression():
    head, seen = BayesHead([2, 3]), context()
    queries = torch.randn(4, 5)
    p = head.predict(head.fit(seen), queries, float(seen.levels[0])).detach().numpy()

    x = seen.features.double().numpy()
    mean, deviation = x.mean(0), x.std(0)
    z, q = (x - mean) / deviation, (queries.double().numpy() - mean) / deviation

    def kernel(a, b):
        total = 0
        for block in (slice(0, 2), slice(2, 5)):
            d = ((a[:, None, block] - b[None, :, block]) ** 2).sum(-1)
            own = ((z[:, None, block] - z[None, :, block]) ** 2).sum(-1)
            values = np.sort(own[own > 1e-9])
            total = total + 0.28**2 / 2 * np.exp(-0.5 * d / values[(len(values) - 1) // 2])
        return total

    level = float(seen.levels[0])
    noise = 0.6 * level * (1 - level) / 8 + 0.25**2
    expected = level + kernel(q, z) @ np.linalg.solve(kernel(z, z) + noise * np.eye(30), seen.rates.numpy() - level)
    np.testing.assert_allclose(p, expected, atol=1e-5)


def test_bayes_head_passes_gradients_to_features_and_its_parameters():
    head, seen = BayesHead([5]), context()
    features = seen.features.clone().requires_grad_()
    head.predict(head.fit(seen._replace(features=features)), torch.randn(3, 5), 0.5).sum().backward()
    assert features.grad.abs().sum() > 0 and all(p.grad.abs().sum() > 0 for p in head.parameters())


@pytest.mark.parametrize("name", ["tabpfn", "tabicl"])
def test_a_tabular_head_without_its_package_says_what_to_install(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=rf"pip install 'v05_verl\[{name}\]'"):
        build_head(name, [5])


def test_context_is_the_newest_pairs_of_the_policy():
    model = V0(encoder="surface", context=6, history=False)
    for step in range(5):
        model.observe([f"{step} {i}" for i in range(4)], [step, 1, 2, 3], [4] * 4, step)
    drawn = model._newest_pairs("policy", 4)
    assert len(drawn.rates) == 6 and len(model.state_dict()["rows"]) == 2
    assert sorted(drawn.rates.tolist()[:4]) == [0.25, 0.5, 0.75, 1.0]
    assert model._newest_pairs("another", 4) is None
    aged = V0(encoder="surface", context=6, max_age=2)
    aged.observe(["a"], [4], [4], 0)
    assert len(aged._newest_pairs("policy", 2).rates) == 1 and aged._newest_pairs("policy", 3) is None


def test_a_tabular_head_gives_hard_labels_to_its_classifier(monkeypatch):
    from sklearn.linear_model import LogisticRegression

    # Any scikit-learn classifier has the interface of TabPFN's and TabICL's; their weights are not at hand here.
    monkeypatch.setattr("v05_verl.value.v0.heads._classifier", lambda *_: LogisticRegression())
    head, seen = build_head("tabicl", [5]), context()
    expected = LogisticRegression().fit(seen.features.numpy(), (seen.rates >= 0.5).numpy().astype(int))
    fitted, queries = head.fit(seen), torch.randn(4, 5)
    head.fit(seen._replace(rates=1 - seen.rates))  # another context leaves the first fit alone
    np.testing.assert_allclose(head.predict(fitted, queries, 0.5), expected.predict_proba(queries.numpy())[:, 1])
    one_class = head.fit(seen._replace(rates=torch.ones(30)))
    np.testing.assert_allclose(head.predict(one_class, queries, 0.5), np.full(4, 30.5 / 31))
