from __future__ import annotations

import asyncio
import functools
import threading
from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from mastra_core.errors import ConfigurationError, ToolError
from mastra_core.runtime.contexts import StepContext, ToolContext
from mastra_core.runtime.mastra import Mastra
from mastra_core.runtime.tool import Tool, tool
from mastra_core.tracing.current import current

if TYPE_CHECKING:
    from decimal import Decimal

    from mastra_core.runtime.contexts import ToolContext as OnlyForCheckers  # noqa: F401


class Place(BaseModel):
    name: str
    height: int = 0


@tool
async def find(term: str, place: Place, limit: Annotated[int, Field(ge=1)] = 10, *, ctx: ToolContext) -> str:
    """Find a term.

    Looks everywhere.

    Args:
        term: what to look for,
            in any language.
        place (Place): where to look.

    Returns:
        What was found.
    """
    return f"{term} in {place.name}, {limit}, {type(ctx).__name__}"


@pytest.fixture(autouse=True)
def _find_is_not_registered():
    """What one test registers is not registered in the next."""
    yield
    find.mastra = None


# ---------------------------------------------------------------- what a model sees


def test_name_and_description_come_from_the_function():
    """A tool is called as its function, and described by the docstring before the first section."""
    assert find.name == "find"
    assert find.description == "Find a term.\n\nLooks everywhere."


def test_name_and_description_can_be_given():
    """What the decorator says comes before what the function says."""

    @tool(name="count", description="Counts.")
    def count_words(text: str) -> int:
        """Count."""
        return len(text)

    assert (count_words.name, count_words.description) == ("count", "Counts.")


def test_the_schema_is_made_from_signature_and_docstring():
    """Types, defaults, limits and descriptions are told; the context is not."""
    assert find.input_schema["properties"] == {
        "term": {"type": "string", "description": "what to look for, in any language."},
        "place": {"$ref": "#/$defs/Place", "description": "where to look."},
        "limit": {"type": "integer", "minimum": 1, "default": 10},
    }
    assert find.input_schema["required"] == ["term", "place"]
    assert find.input_schema["additionalProperties"] is False


def test_parameters_may_have_any_name():
    """Names that pydantic keeps for itself are names like others."""

    @tool
    def odd(json: str, model_config: int, _hidden: Literal["a"] = "a", self_: str = "") -> None: ...

    assert list(odd.input_schema["properties"]) == ["json", "model_config", "_hidden", "self_"]


@pytest.mark.parametrize("annotation", ["ToolContext", "ToolContext | None", "OnlyForCheckers.ToolContext"])
async def test_the_context_is_found_by_its_annotation(annotation):
    """Whatever the parameter is called, and where the annotation is text, optional or not importable."""
    scope = {"ToolContext": ToolContext}
    exec(f"def look(term: str, whatever: {annotation}): return whatever", scope)
    looking = tool(scope["look"])
    assert list(looking.input_schema["properties"]) == ["term"]
    assert isinstance(await looking.run({"term": "x"}), ToolContext)


async def test_annotations_may_name_something_of_the_function_around():
    """A type that is defined beside the tool, inside a function, is found."""

    class Local(BaseModel):
        x: int

    @tool
    def take(value: Local) -> int:
        return value.x

    assert await take.run({"value": {"x": 3}}) == 3


# ---------------------------------------------------------------- calling


async def test_arguments_become_what_the_signature_says():
    """Models, numbers as text and defaults arrive as the function expects them."""
    assert await find.run({"term": "x", "place": {"name": "here"}}) == "x in here, 10, ToolContext"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"place": {"name": "x"}}, r"Field `term` of tool `find` is missing"),
        (
            {"term": 3, "place": {"name": "x"}},
            r"Field `term` of tool `find` must be a valid string, got 3 \(int\)",
        ),
        ({"term": "x", "place": {}}, r"Field `place\.name` of tool `find` is missing"),
        ({"term": "x", "place": {"name": "x"}, "limit": 0}, r"`limit` of tool `find` must be .* 1, got 0"),
        (
            {"term": "x", "place": {"name": "x"}, "many": 0},
            r"`many` of tool `find` does not exist; .*term, place, lim",
        ),
        ("term", r"Tool `find` must be .*, got 'term'"),
    ],
)
async def test_arguments_that_do_not_fit_are_named(arguments, message):
    """The error says the field, what was got and what is allowed."""
    with pytest.raises(ToolError, match=message):
        await find.run(arguments)


async def test_a_plain_call_is_the_plain_function(recorder):
    """Called by a program, a tool checks and records nothing."""
    assert await find("x", Place(name="here"), ctx=ToolContext()) == "x in here, 10, ToolContext"
    assert recorder.tree() == []


async def test_synchronous_functions_run_in_a_thread_with_the_context():
    """They may block, and still know what they are part of."""
    seen = []

    @tool
    def look() -> str:
        seen.append((threading.current_thread() is threading.main_thread(), current.get()))
        return "seen"

    assert await look.run({}) == "seen"
    assert seen == [(False, None)]


async def test_what_is_awaitable_is_awaited():
    """Partial functions, objects with an asynchronous `__call__` and wrappers all work."""

    async def add(a: int, b: int) -> int:
        return a + b

    class Adder:
        __name__ = "adder"

        async def __call__(self, a: int, b: int) -> int:
            return a + b

    @functools.wraps(add)
    def wrapper(*args, **kwargs):
        return add(*args, **kwargs)

    partly = Tool(functools.partial(add, b=2), name="partly")
    assert await partly.run({"a": 1}) == 3
    assert await Tool(Adder()).run({"a": 1, "b": 2}) == 3
    assert await tool(wrapper).run({"a": 1, "b": 2}) == 3


async def test_an_exhausted_iterator_in_a_thread_is_an_error():
    """`StopIteration` in a worker thread raises, as it does in a coroutine, instead of waiting for ever."""

    @tool
    def first() -> str:
        return next(iter([]))

    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(first.run({}), 60)


# ---------------------------------------------------------------- recording


async def test_a_call_is_a_span(recorder):
    """A span has the arguments, the result and who made it."""
    Mastra(tools=[find], observability=recorder)
    await find.run({"term": "x", "place": {"name": "here"}})
    assert recorder.tree() == ["tool_call find"]
    span = recorder.span("find")
    assert span._input == b'{"term":"x","place":{"name":"here"}}'
    assert span._output == b'"x in here, 10, ToolContext"'
    assert recorder.attributes(span) == {
        "tool_id": "find",
        "tool_type": "function",
        "description": find.description,
    }
    assert (span.correlation.entity_type, span.correlation.entity_id) == ("tool", "find")


async def test_what_a_tool_raises_is_recorded_and_comes_unchanged(recorder):
    """The span has the error, and the caller gets the same exception object."""
    cause = KeyError("deep")
    raised = ValueError("no")

    @tool
    def fail() -> None:
        raise raised from cause

    Mastra(tools=[fail], observability=recorder)
    with pytest.raises(ValueError, match="no") as caught:
        await fail.run({})
    assert caught.value is raised
    assert caught.value.__cause__ is cause
    span = recorder.span("fail")
    assert span._status == "error"
    assert (span._error.type, span._error.message) == ("ValueError", "no")


async def test_arguments_that_do_not_fit_are_recorded(recorder):
    """A refused call is a failed span."""
    Mastra(tools=[find], observability=recorder)
    with pytest.raises(ToolError):
        await find.run({})
    assert recorder.span("find")._status == "error"


async def test_the_context_makes_spans_inside_the_call(recorder):
    """What a tool records itself stands below its call."""

    @tool
    async def split(text: str, ctx: ToolContext) -> int:
        with ctx.tracing.span("inner"):
            ctx.logger.info("counting", chars=len(text))
        return len(text.split())

    Mastra(tools=[split], observability=recorder)
    await split.run({"text": "a b"})
    assert recorder.tree() == ["tool_call split", "  generic inner"]
    assert recorder.lines("counting") == [("info", {"chars": 3}, "inner")]


async def test_a_thread_started_by_hand_needs_the_context(recorder):
    """In a plain thread nothing is current; the context says where the call belongs."""

    @tool
    def inner() -> str:
        return current.get().name

    @tool
    async def outer(ctx: ToolContext) -> str:
        seen = []
        thread = threading.Thread(target=lambda: seen.append(asyncio.run(inner.run({}, ctx))))
        thread.start()
        await asyncio.to_thread(thread.join)
        return seen[0]

    Mastra(tools=[outer], observability=recorder)
    assert await outer.run({}) == "inner"
    assert recorder.tree() == ["tool_call outer", "  tool_call inner"]


async def test_a_call_is_logged(recorder):
    """Started and completed, with the tool and the duration."""
    Mastra(tools=[find], observability=recorder)
    await find.run({"term": "x", "place": {"name": "h"}})
    ((level, fields, span),) = recorder.lines("tool started")
    assert (level, fields, span) == ("debug", {"tool_id": "find"}, "find")
    ((level, fields, span),) = recorder.lines("tool completed")
    assert (level, fields["tool_id"], span) == ("info", "find", "find")
    assert fields["duration_ms"] >= 0


# ---------------------------------------------------------------- what cannot be a tool


def test_a_lambda_needs_a_name():
    """A tool that a model cannot call by name is refused."""
    with pytest.raises(ConfigurationError, match="A tool needs a name"):
        tool(lambda: None)
    assert Tool(lambda: None, name="nothing").name == "nothing"


def test_a_type_without_a_schema_is_refused():
    """A parameter that no model could fill is found when the tool is made."""
    with pytest.raises(ConfigurationError, match=r"describe the parameters of tool `wait`.*Lock"):

        @tool
        def wait(lock: asyncio.Lock) -> None: ...


def test_an_annotation_that_cannot_be_resolved_is_refused():
    """The error names the annotation, the parameter and the tool, and says what to do."""
    with pytest.raises(ConfigurationError, match=r"`Decimal` of parameter `x` of tool `pay`.*at run time"):

        @tool
        def pay(x: Decimal) -> None: ...


def test_a_context_of_something_else_is_refused():
    """A tool cannot be given what a step is given."""
    with pytest.raises(ConfigurationError, match="allowed is one ToolContext"):

        @tool
        def look(ctx: StepContext) -> None: ...


def test_a_positional_only_parameter_is_refused():
    """Models give arguments by name."""
    with pytest.raises(ConfigurationError, match="`x` of tool `look` is positional-only"):

        @tool
        def look(x: int, /) -> None: ...
