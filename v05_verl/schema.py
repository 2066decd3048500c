# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What comes from outside is checked against a schema at the door; what does not fit is named with where it stands."""

from __future__ import annotations

import reprlib
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Checked = TypeVar("Checked")

Whole = Annotated[int, Field(ge=0, le=2**31 - 1)]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]


class DataError(ValueError):
    """Input that cannot be used; the sentence names the file, the line or row, and what to do."""


class Schema(BaseModel):
    """Base of schemas: nothing is converted but whole numbers to floats; no NaN, no infinity, no other field."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def checked(schema: type[Checked], value: Any, where: str) -> Checked:
    """``value`` as an instance of the schema; DataError that begins with ``where`` and names each wrong field."""
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise DataError(f"{where}: {'; '.join(sentences(error))}") from error


def sentences(error: ValidationError, root: str = "", about_keys: str = "") -> list[str]:
    """One per wrong field, ``<root>.<field> = <found>: <what is allowed>``; ``about_keys`` follows an unknown one."""
    return [_sentence(each, root, about_keys) for each in error.errors(include_url=False)]


def _sentence(each: dict[str, Any], root: str, about_keys: str) -> str:
    path = [str(part) for part in each["loc"] if not str(part).startswith(_BRANCHES)]
    field = ".".join([root, *path] if root else path)
    message = each["msg"].removeprefix("Value error, ")
    if each["type"] == "missing":
        return f"{field} is missing"
    if each["type"] == "extra_forbidden":
        return f"{root or 'the record'} has no key {'.'.join(path)}{about_keys}"
    if not path and message != each["msg"]:  # a sentence of a validator about several fields
        return message
    return f"{field + ' = ' if field else ''}{reprlib.repr(each['input'])}: {message[0].lower()}{message[1:]}"


_BRANCHES = ("float", "literal", "constrained", "function-")
"""What pydantic adds to the path of a field that may be one of several things."""
