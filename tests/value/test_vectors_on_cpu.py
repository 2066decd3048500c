# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from v05_verl.value.gp import GaussianProcess
from v05_verl.value.text import TextEncoder
from v05_verl.value.vectors import Cached, CorpusTopics, build_vectors, read_corpus

SUMS = [f"Compute the sum of {i} and {i + 7} in base ten" for i in range(40)]
SHAPES = [f"A triangle has an area of {i} square metres; find its altitude" for i in range(40)]
BRIDGE = [f"the sum in base {i} is the total of its digits" for i in range(40)]
BRIDGE += [f"an area with altitude {i} is a shape of metres" for i in range(40)]


def test_prompts_on_one_topic_lie_together_though_they_share_no_words():
    rows = CorpusTopics(SUMS + SHAPES + BRIDGE, topics=2).of(["total of digits", "sum in base", "altitude in metres"])
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > 0.9 > unit[0] @ unit[2] + 0.2


def test_the_same_corpus_in_any_order_gives_the_same_rows():
    one, other = CorpusTopics(SUMS + SHAPES), CorpusTopics((SUMS + SHAPES + SUMS)[::-1])
    np.testing.assert_array_equal(one.of(SUMS), other.of(SUMS))
    assert one.of(SUMS).shape == (40, 79)


def test_rows_are_computed_once_per_prompt():
    class Counting:
        asked = []

        def of(self, prompts):
            self.asked += prompts
            return np.array([[float(len(prompt))] for prompt in prompts])

    vectors = Cached(Counting())
    assert vectors.of(["a", "bb", "a"]).tolist() == [[1.0], [2.0], [1.0]]
    assert vectors.of(["bb", "ccc"]).tolist() == [[2.0], [3.0]]
    assert Counting.asked == ["a", "bb", "ccc"]


def test_dense_rows_have_length_one_and_survive_a_restart():
    encoder = TextEncoder(CorpusTopics(SUMS + SHAPES, topics=4))
    encoder.fit(SUMS[:6] + SHAPES[:6])
    rows = encoder.encode(SUMS + ["???"]).dense
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0)
    restored = TextEncoder(CorpusTopics(SUMS + SHAPES, topics=4))
    restored.load(encoder.state())
    np.testing.assert_array_equal(restored.encode(SUMS + ["???"]).dense, rows)
    assert TextEncoder().encode(SUMS).dense.shape == (40, 0)


def test_files_of_prompts(tmp_path):
    chats = [[{"role": "system", "content": "s"}, {"role": "user", "content": text}] for text in ("a", "b")]
    pq.write_table(pa.table({"prompt": chats, "other": [1, 2]}), tmp_path / "chats.parquet")
    pq.write_table(pa.table({"prompt": ["a", "b"]}), tmp_path / "plain.parquet")
    (tmp_path / "named.json").write_text(json.dumps({"x": "a", "y": "b"}))
    for name in ("chats.parquet", "plain.parquet", "named.json"):
        assert read_corpus(tmp_path / name) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.parquet", None, "cannot be read"),
        ("broken.parquet", b"PAR1 and no more", "cannot be read"),
        ("broken.json", b"{", "cannot be read"),
        ("list.json", b"[1]", "expected parquet with a column prompt, or a JSON object"),
        ("one.json", b'{"a": "x", "b": "x"}', "holds 1 different prompts"),
    ],
)
def test_a_corpus_that_is_none_is_an_error(tmp_path, name, content, sentence):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        GaussianProcess(corpus=str(tmp_path / name))


def test_two_sources_at_once_are_an_error():
    with pytest.raises(ValueError, match="give one of them"):
        build_vectors("corpus.parquet", "encoder")


def test_the_process_uses_the_corpus_and_survives_a_restart(tmp_path):
    path = tmp_path / "corpus.json"
    path.write_text(json.dumps({str(i): text for i, text in enumerate(SUMS + SHAPES + BRIDGE)}))
    model, blind = GaussianProcess(corpus=str(path)), GaussianProcess()
    for each in (model, blind):
        each.observe(SUMS + SHAPES, [4] * 40 + [0] * 40, [4] * 80, step=1)
    queries = ["sum is the total of its digits", "area is a shape of metres"]
    p = model.predict(queries, step=2)
    assert np.abs(p - blind.predict(queries, step=2)).max() > 1e-3
    again = GaussianProcess(corpus=str(path))
    again.load_state_dict(model.state_dict())
    np.testing.assert_allclose(again.predict(queries, step=2), p)
