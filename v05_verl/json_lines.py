# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""JSON objects from files that others wrote."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from v05_verl.schema import DataError


def json_objects(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """("<path>, line <n>", object) for each object of a file: one per line, blank lines left out, or one array.

    Raises:
        DataError: the file cannot be opened; a line is not UTF-8, not JSON, or something else than an object.
    """
    try:
        file = open(path, "rb")
    except OSError as error:
        raise DataError(f"{path} cannot be opened ({error.strerror})") from error
    with file:
        is_array = file.read(4).removeprefix(codecs.BOM_UTF8).startswith(b"[")
        file.seek(0)
        if is_array:
            values = _parsed(file.read(), str(path))
            found = ((f"{path}, element {number}", value) for number, value in enumerate(values, start=1))
        else:
            lines = ((f"{path}, line {number}", line) for number, line in enumerate(file, start=1))
            found = ((where, _parsed(line, where)) for where, line in lines if line.strip())
        for where, row in found:
            if not isinstance(row, dict):
                raise DataError(f"{where}: expected an object with named columns, found {row!r:.40}")
            yield where, row


def json_object(path: str | Path) -> dict[str, Any]:
    """The one object that a file holds; DataError as above."""
    try:
        value = _parsed(Path(path).read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"{path} cannot be opened ({error.strerror})") from error
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected one object, found {value!r:.40}")
    return value


def _parsed(line: bytes, where: str) -> Any:
    if b"\x00" in line:
        raise DataError(f"{where}: NUL byte; the file is damaged, or UTF-16 instead of UTF-8")
    try:
        return json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not UTF-8 ({error}); convert the file or fetch it again") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not JSON ({error}); the file may be truncated") from error
