# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The manifest: what each prepared file holds and what it was made from. No times and no absolute paths, so that the
same input gives the same bytes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

NAME = "manifest.json"


def update(out: Path, name: str, entry: dict[str, Any]) -> None:
    """Sets the entry of set ``name`` in ``out``'s manifest; entries of other sets stay while their files do."""
    path = out / NAME
    entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    entries = {key: value for key, value in entries.items() if (out / value["output"]["file"]).exists()}
    entries[name] = entry
    write_json(path, dict(sorted(entries.items())))


def write_json(path: Path, value: Any) -> None:
    """Writes ``value``; a reader never sees a half-written file."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)
