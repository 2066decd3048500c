# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Files of plain data: there whole or not at all, checked when they are read, never code.

A file is one of safetensors, so that its tools can look into it: arrays are named by their place in the tree, the rest
of the tree is JSON under the name ``tree``, and the notes at its beginning hold the layout, the version of this package
that wrote it, and a SHA-256 of all bytes (taken with zeros in its own place). :func:`read_torch` is for the weights
that others, and the trainings of this package, write with ``torch.save``.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import operator
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from v05_verl import __version__

LAYOUT = "1"
_NO_DIGEST = "0" * 64
_TREE = "tree"


def save(path: str | Path, tree: dict[str, Any]) -> None:
    """Writes ``tree`` to ``path``; whoever reads it meanwhile, or after a crash, finds the old file or the new one.

    Args:
        path: its folder must exist.
        tree: dictionaries with texts as keys, and lists, of texts, numbers (NaN and infinity too), True, False, None,
            NumPy arrays of numbers or booleans, and torch tensors, which come back on the CPU.

    Raises:
        ValueError: anything else in the tree, with its place.
        OSError: from the file system.
    """
    raw = _encoded(tree, {"layout": LAYOUT, "v05_verl": __version__, "sha256": _NO_DIGEST})
    with written_whole(Path(path)) as draft:
        draft.write_bytes(raw.replace(_NO_DIGEST.encode(), hashlib.sha256(raw).hexdigest().encode(), 1))


def digest(tree: dict[str, Any]) -> str:
    """64 hexadecimal digits, equal for trees of equal content; ValueError as :func:`save` raises it."""
    return hashlib.sha256(_encoded(tree)).hexdigest()  # without notes, which come in any order


def load(path: str | Path) -> dict[str, Any]:
    """The tree that :func:`save` wrote to ``path``.

    Raises:
        ValueError: a file of another kind or layout, a damaged or truncated one; the sentence says which.
        OSError: there is no such file, or it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as deserialized

    raw = Path(path).read_bytes()
    notes = _notes(raw)
    if notes is None:
        raise ValueError(f"{path} is no state file of v05_verl, or damaged from its first bytes on ({raw[:12]!r})")
    if notes["layout"] != LAYOUT:
        raise ValueError(
            f"{path} was written by v05_verl {notes['v05_verl']:.20} in layout {notes['layout']:.20}; this is "
            f"{__version__}, which reads layout {LAYOUT}"
        )
    if hashlib.sha256(raw.replace(notes["sha256"].encode(), _NO_DIGEST.encode(), 1)).hexdigest() != notes["sha256"]:
        raise ValueError(f"{path} is damaged or truncated: its {len(raw)} bytes do not have the SHA-256 noted in it")
    try:
        arrays = deserialized(raw)
        tree = json.loads(arrays.pop(_TREE).numpy().tobytes().decode("utf-8", "surrogatepass"))
        for name, tensor in arrays.items():
            *way, last = json.loads(name)
            holder = functools.reduce(operator.getitem, way, tree)
            holder[last] = tensor if holder[last] == "torch" else tensor.numpy()
    except (SafetensorError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{path} has the notes of a state file, but was written by something else ({error})"
        ) from error
    return tree


def check(tree: Any, name: str) -> None:
    """ValueError with the place in ``name`` where ``tree`` holds something that :func:`save` refuses."""
    _without_arrays(tree, (name,), {})


def read_torch(path: str | Path, device: str = "cpu") -> Any:
    """What ``torch.save`` wrote, of tensors and plain data alone: a file that names any code is refused.

    Raises:
        ValueError: no such file, a damaged or truncated one, one with code in it.
    """
    import torch

    path = Path(path)
    if not path.is_file():
        raise ValueError(f"checkpoint {path}: there is no such file")
    try:
        with zipfile.ZipFile(path) as archive:  # torch itself compares no checksums
            damaged = archive.testzip()
        if damaged:
            raise ValueError(f"{damaged} in it does not have its checksum")
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # of any kind: both parse whatever the file holds
        problem = f"is not a file of torch >= 1.6, or is damaged or truncated, or holds code: {str(error)[:300]}"
        raise ValueError(f"checkpoint {path} {problem}") from error


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; what stands there at the end takes the place of ``path``, in one moment.

    Both the content and the change of names are on the disk when this returns.
    """
    draft = path.with_name(path.name + ".partial")
    yield draft
    _sync(draft)
    os.replace(draft, path)
    try:
        _sync(path.parent)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that knows no such thing for folders
            raise


def _encoded(tree: dict[str, Any], notes: dict[str, str] | None = None) -> bytes:
    import torch
    from safetensors.torch import save as serialized

    arrays: dict[tuple, Any] = {}
    text = json.dumps(_without_arrays(tree, (), arrays), ensure_ascii=False, separators=(",", ":"))
    arrays[_TREE] = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    tensors = {}
    for place, array in arrays.items():
        name = place if place == _TREE else json.dumps(place)
        if isinstance(array, np.ndarray):
            tensors[name] = torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), order="C"))
        else:
            tensors[name] = array.detach().cpu().contiguous().clone()  # parts of one storage come apart
    return serialized(tensors, notes)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _without_arrays(value: Any, place: tuple, arrays: dict[tuple, Any]) -> Any:
    """``value`` for JSON, with "numpy" or "torch" instead of arrays, which go to ``arrays`` by their places."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return value.item()
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _without_arrays(each, (*place, key), arrays) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_arrays(each, (*place, i), arrays) for i, each in enumerate(value)]
    is_tensor = "torch" in sys.modules and isinstance(value, sys.modules["torch"].Tensor)
    if not is_tensor and not (isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.itemsize <= 8):
        found = f"{type(value).__name__} of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
        if isinstance(value, dict):
            found = f"dict with keys such as {next(key for key in value if not isinstance(key, str))!r:.40}"
        raise ValueError(
            f"{'.'.join(map(str, place))} cannot be saved: it is a {found}; a state is made of dictionaries with texts "
            "as keys, lists, texts, numbers, True, False, None, and arrays and tensors of numbers"
        )
    arrays[place] = value
    return "torch" if is_tensor else "numpy"


def _notes(raw: bytes) -> dict[str, str] | None:
    """The notes of a state file, which stand in the JSON after the 8 bytes of its length; None where it is none."""
    try:
        notes = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
        return notes if all(notes[name].isascii() for name in ("layout", "v05_verl", "sha256")) else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
