"""Which schemas can be closed, and what that means for the answers."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from mastra_core.models.answer_format import close_schema, instruct


@dataclass
class Point:
    x: int
    label: str | None = None


class Verdict(BaseModel):
    """A judgement."""

    passed: bool
    score: Annotated[float, Field(ge=0, le=1, description="how good")]
    kind: Literal["a", "b"] = "a"
    points: list[Point] = []
    best: Point | None = None


def schema_of(kind: Any) -> dict[str, Any]:
    """As the runtime makes it."""
    return TypeAdapter(kind).json_schema()


def test_a_class_is_closed_with_everything_inside():
    """All properties are required, none may be added, limits stand in descriptions."""
    closed = close_schema(schema_of(Verdict))
    assert closed["required"] == ["passed", "score", "kind", "points", "best"]
    assert closed["additionalProperties"] is False
    assert closed["description"] == "A judgement."
    assert closed["properties"]["score"] == {
        "type": "number",
        "description": "how good; maximum: 1; minimum: 0",
    }
    assert closed["properties"]["kind"] == {"type": "string", "enum": ["a", "b"]}
    assert closed["properties"]["points"] == {"type": "array", "items": {"$ref": "#/$defs/Point"}}
    assert closed["$defs"]["Point"] == {
        "type": "object",
        "properties": {"x": {"type": "integer"}, "label": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "required": ["x", "label"],
        "additionalProperties": False,
    }


@dataclass
class WithMap:
    counts: dict[str, int] = field(default_factory=dict)


@dataclass
class WithAnything:
    value: Any


@dataclass
class WithPair:
    pair: tuple[int, str]


@dataclass
class Empty:
    pass


@pytest.mark.parametrize(
    "kind", [WithMap, WithAnything, WithPair, Empty, list[int], int, dict[str, int], Point | None]
)
def test_what_cannot_be_closed_is_left_to_words(kind):
    """Maps, anything, tuples, and what is no object at the root."""
    assert close_schema(schema_of(kind)) is None


@pytest.mark.parametrize("schema", [{}, {"type": "object", "properties": {"a": 7}}, {"$ref": "#/x"}])
def test_odd_schemas_are_left_to_words(schema):
    """Nothing is raised for a schema that somebody wrote by hand."""
    assert close_schema(schema) is None


def test_the_original_is_not_changed():
    """A schema is used for many requests."""
    schema = schema_of(Verdict)
    close_schema(schema)
    assert schema == schema_of(Verdict)


def test_words_have_the_schema_in_them():
    """As JSON."""
    assert instruct({"type": "integer", "description": "größer"}).endswith(
        '{"type": "integer", "description": "größer"}'
    )
