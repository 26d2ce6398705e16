"""How a model is told which JSON it has to answer.

Providers that enforce a schema while the model writes allow a part of JSON Schema only: objects
with a fixed set of properties, all of them required, and no limits on values. A schema that can be
put that way is; the limits then stand in descriptions, and the answer is checked by its type
anyway. Of any other schema the model is told in words.
"""

from __future__ import annotations

import json
from typing import Any, Final, cast

Schema = dict[str, Any]

_KEPT: Final = frozenset({"type", "enum", "const", "description", "$ref", "$defs"})
_DROPPED: Final = frozenset({"title", "default", "examples", "discriminator", "$schema"})
_OPEN: Final = frozenset({"prefixItems", "patternProperties", "allOf", "not", "if", "contains"})
"""What no closed schema can say."""


class _CannotCloseError(Exception):
    """The schema allows what a closed one cannot."""


def close_schema(schema: Schema) -> Schema | None:
    """The schema with closed objects and nothing that providers refuse, None where it cannot be.

    Everything that fits the result fits the original, but for limits on values.
    """
    if schema.get("type") != "object":
        return None  # both providers want an object at the root
    try:
        return _close(schema)
    except _CannotCloseError:
        return None


def instruct(schema: Schema) -> str:
    """The schema in words, for the instructions."""
    return f"Answer with JSON alone, that fits this JSON schema:\n{json.dumps(schema, ensure_ascii=False)}"


def _close(schema: object) -> Schema:
    if not isinstance(schema, dict):
        raise _CannotCloseError
    given = cast("Schema", schema)
    if not given.keys() & {"type", "enum", "const", "$ref", "anyOf", "oneOf"} or given.keys() & _OPEN:
        raise _CannotCloseError
    if "$ref" in given and "$defs" not in given:
        return {"$ref": given["$ref"]}
    closed: Schema = {key: value for key, value in given.items() if key in _KEPT}
    if "$defs" in given:
        closed["$defs"] = {name: _close(item) for name, item in given["$defs"].items()}
    choices = given.get("anyOf", given.get("oneOf"))
    if choices is not None:
        closed["anyOf"] = [_close(item) for item in choices]
    if given.get("type") == "object":
        closed |= _closed_object(given)
    if given.get("type") == "array":
        closed["items"] = _close(given.get("items"))
    _describe_limits(given, closed)
    return closed


def _closed_object(given: Schema) -> Schema:
    properties = given.get("properties")
    if not properties or given.get("additionalProperties", False) is not False:
        raise _CannotCloseError
    return {
        "properties": {name: _close(item) for name, item in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


def _describe_limits(given: Schema, closed: Schema) -> None:
    known = _KEPT | _DROPPED | {"properties", "required", "additionalProperties", "items", "anyOf", "oneOf"}
    limits = {key: value for key, value in given.items() if key not in known}
    if limits:
        said = [closed["description"]] if "description" in closed else []
        said += [f"{key}: {value}" for key, value in limits.items()]
        closed["description"] = "; ".join(said)
