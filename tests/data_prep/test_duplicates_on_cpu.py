# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.contamination import contamination, summary
from data_prep.dedup import ExactDedup, near_duplicates
from data_prep.problem import Problem
from data_prep.similarity import SHINGLE, ShingleIndex, figure, numbers, shingles, text_key

ROOMS = "There are $1000$ rooms in a row along a long corridor. Initially, the first room contains $1000$ people."
STONES = "Dexter and Raquel are playing a game with $N$ stones. Dexter goes first and takes one stone from the pile."


def problems(*pairs):
    return [
        Problem(text=text.strip(), answer=answer, id=f"p{i}", row=i, verbatim=text)
        for i, (text, answer) in enumerate(pairs)
    ]


def near(*pairs):
    items = problems(*pairs)
    return near_duplicates(items, [item.answer for item in items])


def test_exact_copies_are_dropped_and_contradictions_kept_in_mind():
    read = ExactDedup()
    for problem in problems(("A?", "1"), ("B?", "2"), ("A?", "1"), ("A?", "3"), ("A? ", "1")):
        read.add(problem)
    assert (read.rows, [problem.id for problem in read.problems]) == (5, ["p0", "p1", "p4"])
    assert read.contradictions() == [{"ids": ["p0"], "answers": {"1": 2, "3": 1}, "similarity": 1.0}]


def test_without_dropping_every_row_stays():
    read = ExactDedup(drop=False)
    for problem in problems(("A?", "1"), ("A?", "3"), ("A?", "1")):
        read.add(problem)
    assert [problem.id for problem in read.problems] == ["p0", "p1", "p2"]
    assert read.contradictions()[0]["answers"] == {"1": 2, "3": 1}


def test_typesetting_makes_no_other_problem():
    found = near((ROOMS, "31"), (ROOMS.replace("$", ""), "31"), (ROOMS.replace("$1000$", r"\( 1000 \)") + " ", "31"))
    assert found.keep == [0]
    assert [group["dropped"] for group in found.groups] == ["p1", "p2"]
    assert found.contradictions == []


def test_other_numbers_make_another_problem():
    assert near((ROOMS, "31"), (ROOMS.replace("1000", "2000"), "31")).keep == [0, 1]


def test_a_signs_change_makes_another_problem():
    assert near(("Solve $x^2+5x+6=0$ for the larger x.", "-2"), ("Solve $x^2-5x+6=0$ for the larger x.", "3")).keep == [
        0,
        1,
    ]


def test_rewording_is_a_duplicate_where_numbers_and_answer_agree():
    reworded = ROOMS.replace("Initially, the first room", "At first, the first room")
    assert near((ROOMS, "31"), (reworded, "31")).keep == [0]
    differs = near((ROOMS, "31"), (reworded, "61"))
    assert differs.keep == [0, 1]


def test_the_most_frequent_answer_stays_and_the_contradiction_is_reported():
    found = near((ROOMS, "61"), (ROOMS + " ", "31"), (ROOMS.replace("$", ""), "31"), (STONES, "5"))
    assert found.keep == [1, 3]
    (contradiction,) = found.contradictions
    assert contradiction == {"ids": ["p0", "p1", "p2"], "answers": {"31": 2, "61": 1}, "similarity": 1.0}


def test_where_no_answer_is_the_most_frequent_nobody_stays():
    found = near((ROOMS, "61"), (STONES, "5"), (ROOMS + " ", "31"))
    assert (found.keep, found.groups) == ([1], [])
    assert found.undecided == found.contradictions
    assert found.undecided == [{"ids": ["p0", "p2"], "answers": {"31": 1, "61": 1}, "similarity": 1.0}]
    two_each = [(ROOMS + " " * i, answer) for i, answer in enumerate(("61", "31", "7", "31", "61"))]
    assert near(*two_each).keep == []
    assert near(*two_each, (ROOMS + "  \n", "61")).keep == [0]


def drawn(*labels, size=3):
    """A question that says all in its figure: a triangle of ``size`` with ``labels`` beside its sides."""
    labels = "".join(f'label("{label}",({size},{i}));' for i, label in enumerate(labels))
    return f"What is the value of $x$ in the diagram? [asy] draw((0,0)--({size},4)--cycle); {labels} [/asy]"


def test_figures_tell_equal_texts_apart():
    # The four of DAPO-Math-17k: two have the same answer, and other figures all the same.
    four = [("8", "$60$", "10"), ("$2\\sqrt{3}$", "$30$", "7"), ("8", "$30$", "6"), ("2", "$60$", "7")]
    found = near(*[(drawn(*labels), answer) for *labels, answer in four])
    assert (found.keep, found.contradictions) == ([0, 1, 2, 3], [])


def test_equal_figures_tell_nothing_apart():
    assert near((drawn("8", "$x$"), "4"), (drawn("$x$", "$8$", size=5), "4")).keep == [0]  # drawn otherwise
    twice = near((drawn("8"), "4"), (drawn("8").replace("; ", ";\n\n"), "6"))  # one drawing, two answers
    assert twice.keep == [] and twice.undecided[0]["answers"] == {"4": 1, "6": 1}
    assert near((drawn("8"), "4"), (drawn("8", size=5), "6")).keep == [0, 1]  # an inscription is not the whole figure


def test_a_text_without_its_figure_is_a_copy_where_all_figures_agree():
    bare = drawn().partition("[asy]")[0]
    assert near((bare, "4"), (drawn("8"), "4"), (drawn("8", size=5), "4")).keep == [0]
    assert near((bare, "4"), (drawn("8"), "6")).keep == []  # its answer is another one all the same
    assert near((drawn("8"), "4"), (bare, "4"), (drawn("9"), "6")).keep == [0, 1, 2]


def test_chinese_problems_are_compared_by_their_words():
    assert text_key("已知 $a=1$, 求 $T$ 的最大值.") != text_key("已知 $a=1$, 求 $T$ 的最小值.")
    assert text_key("已知 $a=1$, 求 $T$") == text_key("已知$a = 1$，求$T$")


def test_figures_are_left_out():
    assert text_key("What is shown? [asy] draw((0,0)--(3,4)); [/asy]") == text_key("What is shown?")
    assert numbers("Side 3 and 4. [asy] size(150); [/asy]") == {"3": 1, "4": 1}
    assert figure("Side 3 and 4.") is None
    found = figure('See [asy] label("$x$",\n(0,0)); [/asy] or ![it](b.png) and [asy] MP("A"); [/asy].')
    assert found.inscriptions == ("a", "x")
    assert found.drawing == '[asy]label("$x$",(0,0));[/asy]![it](b.png)[asy]MP("A");[/asy]'


@given(st.text(alphabet="abcdef ", min_size=SHINGLE, max_size=80))
def test_similarity_is_the_jaccard_index_of_the_shingles(text):
    other = text[: len(text) // 2] + "zzzzzzzzzzzzzz" + text[len(text) // 2 :]

    def runs(key):
        return {key[i : i + SHINGLE] for i in range(len(key) - SHINGLE + 1)}

    assert len(shingles(text)) == len(runs(text))
    wanted = len(runs(text) & runs(other)) / len(runs(text) | runs(other))
    found = ShingleIndex([text, other]).alike(0.01)
    assert (found[0][2] if found else 0.0) == pytest.approx(wanted if wanted >= 0.01 else 0.0)
    held = ShingleIndex([other]).containing([text], 0.0)[0]
    assert (held[0][1] if held else 0.0) == pytest.approx(len(runs(text) & runs(other)) / len(runs(text)))


def test_short_and_no_keys():
    assert ShingleIndex(["ab", "ab"]).alike(0.5) == [(0, 1, 1.0)]
    assert ShingleIndex([]).alike(0.5) == []
    assert ShingleIndex([]).containing(["abc"], 0.5) == [[]]
    assert len(shingles("")) == 1 and shingles("").dtype == np.uint64


def test_contamination_finds_the_problem_inside_a_longer_one():
    train = problems((ROOMS + " The answer is in the form m/n; find m+n.", "31"), (STONES, "5"))
    bench = problems((ROOMS, "31"), (STONES.replace("one stone", "two stones"), "7"), ("Unrelated question?", "1"))
    other = problems((ROOMS.replace("1000", "999"), "31"))
    sets = {"first": (bench, [p.answer for p in bench]), "second": (other, ["31"])}
    matches = contamination(train, [p.answer for p in train], sets)
    assert [(m.benchmark, m.id, m.train, m.same_text, m.same_answer) for m in matches] == [
        ("first", "p0", 0, False, True),
        ("first", "p1", 1, False, False),
    ]
    assert matches[0].held == 1.0 and 0.65 <= matches[1].held < 1.0
    assert summary(matches, ["first", "second"]) == {
        "first": {"problems": 2, "same_text": 0, "training_rows": 2},
        "second": {"problems": 0, "same_text": 0, "training_rows": 0},
    }


@pytest.mark.parametrize(
    ("trained", "answer", "held"),
    [
        (101, "7", 0.9),
        (101, "8", 0.9),
        (100, "7", None),
    ],
)
def test_almost_verbatim_wording_counts_without_its_number(trained, answer, held):
    # Two letters never follow each other twice, so that no run occurs twice: 110 letters and a figure are 100 runs of
    # 12, and the first 101 letters hold 90 of them, the first 100 letters 89.
    letters = "".join(a + b for a in "abcdefgh" for b in "klmnopqrst")
    (asked,), (train,) = problems((letters[:110] + " 7", "7")), problems((letters[:trained], answer))
    found = contamination([train], [answer], {"set": ([asked], ["7"])})
    assert [match.held for match in found] == ([held] if held else [])
    (train,) = problems((letters[:trained] + " and 7", answer))
    assert contamination([train], [answer], {"set": ([asked], ["7"])})  # with the number, .65 is enough
