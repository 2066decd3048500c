# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Random damage to saved states, a pickle that does harm, and when two states are the same."""

import copy
import os
import random

import numpy as np

NUMBERS = [True, -1, 0, 0.5, 1e308, float("nan"), float("-inf"), 2**62, -(10**9), 10**400]
WRONG = [*NUMBERS, None, "x", [], {}, [[1, 2], [3]], np.zeros(3), np.array(["x"])]


def places(tree):
    """(holder, key) of everything in a tree of dictionaries and lists, the holders included."""
    for key, each in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(each, (dict, list)):
            yield from places(each)


def mutated(tree: dict, seed: int) -> dict:
    """A copy with one thing changed: a value, a type, a shape, a key, two fields swapped."""
    rng, tree = random.Random(seed), copy.deepcopy(tree)
    everything = list(places(tree))
    holder, key = rng.choice(everything)
    way = rng.randrange(4)
    if way == 0 and isinstance(holder, dict):
        value = holder.pop(key)
        if rng.random() < 0.5:
            holder["surplus"] = value
    elif way == 1:
        other, name = rng.choice(everything)
        if not isinstance(holder[key], (dict, list)) and not isinstance(other[name], (dict, list)):
            holder[key], other[name] = other[name], holder[key]
    elif way == 2 and isinstance(holder[key], np.ndarray):
        holder[key] = damaged(holder[key], rng)
    else:
        holder[key] = rng.choice(WRONG)
    return tree


def damaged(array: np.ndarray, rng: random.Random) -> np.ndarray:
    """The array with one number changed, or as a whole of another sign, type, length or shape."""
    if array.size and rng.random() < 0.5:
        changed = array.astype(np.float64)
        changed.flat[rng.randrange(array.size)] = float(rng.choice(NUMBERS[:-1]))
        return changed
    ways = [
        lambda: -array,
        lambda: array.astype(np.float32),
        lambda: array.astype(bool),
        lambda: array[:-1],
        lambda: np.concatenate([array, array]),
        lambda: array.T,
        lambda: array[None],
        lambda: array[::-1],
        lambda: array.tolist(),
    ]
    return rng.choice(ways)() if array.ndim else -array


def same(a, b) -> bool:
    """Whether two states say the same; an array and a list of its numbers do."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(np.asarray(a), np.asarray(b), equal_nan=np.asarray(a).dtype.kind == "f")
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or a != a and b != b


class Harmful:
    """Unpickling makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)
