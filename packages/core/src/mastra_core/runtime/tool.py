"""Tools: functions that a language model may call.

    @tool
    async def count_words(text: str, ctx: ToolContext) -> int:
        '''Count the words of a text.'''

The schema that the model sees comes from the signature and the docstring. A parameter annotated
with `ToolContext` receives the context and is no part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.arguments import Arguments
from mastra_core.runtime.calling import call_anywhere
from mastra_core.runtime.contexts import ExecutionContext, ToolContext
from mastra_core.runtime.docstring import read_docstring
from mastra_core.runtime.execution import Work, begin_work, execution_of
from mastra_core.runtime.model import ToolSpec
from mastra_core.runtime.signature import caller_names, read_signature
from mastra_core.runtime.validation import check_name
from mastra_core.signals.attributes import SpanType, ToolCallAttributes
from mastra_core.signals.correlation import Entity
from mastra_core.tracing.span import Span

if TYPE_CHECKING:
    from mastra_core.runtime.mastra import Mastra

P = ParamSpec("P")
T = TypeVar("T")


class Tool(Generic[P, T]):
    """A function that a model may call; called by a program, it is the plain function.

    A function that is not asynchronous runs in a worker thread when it is called by `run` or by an
    agent, so that it may block; cancelling the call does not stop the thread.

    Attributes:
        name: what the model calls it.
        description: what the model is told about it.
        input_schema: JSON schema of its arguments.
        function: the plain function.
        mastra: what it is registered with, None where it is not; set by `Mastra`.
    """

    __wrapped__: Callable[P, T]

    def __init__(
        self,
        function: Callable[P, T],
        *,
        name: str | None = None,
        description: str | None = None,
        names: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a tool of a function.

        Args:
            function: synchronous or asynchronous, with annotated parameters.
            name: the function's own where None.
            description: the docstring's first part where None.
            names: names that annotations may use beside the function's globals.

        Raises:
            ConfigurationError: it has no name, or a parameter that no schema can describe.
        """
        if name is not None:
            check_name(name, "A tool", ConfigurationError)
        own_name = name or getattr(function, "__name__", "")
        if not own_name or own_name == "<lambda>":
            raise ConfigurationError(f"A tool needs a name, got {function!r}; write @tool(name=…)")
        update_wrapper(self, function, updated=())
        self.function = function
        self.mastra: Mastra | None = None
        self.name: str = own_name
        where = f"tool `{self.name}`"
        said, parameters = read_docstring(function)
        self.description: str = said if description is None else description
        signature = read_signature(function, ToolContext, where, names or {})
        self._context_name = signature.context
        self._arguments = Arguments(signature.data, parameters, where)
        self.input_schema: dict[str, Any] = self._arguments.json_schema

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """The plain function: nothing is checked and nothing recorded."""
        return self.function(*args, **kwargs)

    @property
    def spec(self) -> ToolSpec:
        """The tool as a model sees it."""
        return ToolSpec(self.name, self.description, self.input_schema)

    async def run(self, arguments: Mapping[str, Any], ctx: ExecutionContext | None = None) -> Any:  # noqa: ANN401
        """Check the arguments, call the function and record a `tool_call`.

        Args:
            arguments: by parameter, as a model gives them.
            ctx: what calls, as it was given it; needed only in threads that were started by hand.

        Raises:
            ToolError: the arguments do not fit. What the function raises comes unchanged.
        """
        with self.begin(arguments, ctx=ctx) as work:
            output = await self.call(self.bind(arguments), work)
            work.span.update(output=output)
            return output

    def begin(
        self,
        arguments: Mapping[str, Any],
        *,
        ctx: ExecutionContext | None = None,
        tool_call_id: str | None = None,
    ) -> Work:
        """Start the span of a call."""
        attributes = ToolCallAttributes(tool_id=self.name, tool_type="function")
        if self.description:
            attributes["description"] = self.description
        if tool_call_id:
            attributes["tool_call_id"] = tool_call_id
        return begin_work(
            execution_of(ctx, self.mastra),
            "tool",
            SpanType.TOOL_CALL,
            self.name,
            input=arguments,
            attributes=attributes,
            entity=Entity("tool", self.name, self.name),
            parent=_parent_of(ctx),
            fields={"tool_id": self.name},
        )

    def bind(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments, checked and turned into the types of the signature.

        Raises:
            ToolError: one does not fit, does not exist or is missing.
        """
        return self._arguments.check(arguments)

    async def call(self, bound: dict[str, Any], work: Work, tool_call_id: str | None = None) -> Any:  # noqa: ANN401
        """Call the function with arguments from `bind`, inside work from `begin`."""
        if self._context_name is not None:
            context = ToolContext(**work.context_fields(), tool_name=self.name, tool_call_id=tool_call_id)
            bound = {**bound, self._context_name: context}
        return await call_anywhere(self.function, **bound)

    def __repr__(self) -> str:
        return f"<Tool {self.name!r}>"


def _parent_of(ctx: ExecutionContext | None) -> Span | None:
    return None if ctx is None else ctx.tracing.current_span


@overload
def tool(function: Callable[P, T], /) -> Tool[P, T]: ...


@overload
def tool(
    *, name: str | None = None, description: str | None = None
) -> Callable[[Callable[P, T]], Tool[P, T]]: ...


def tool(
    function: Callable[P, T] | None = None, /, *, name: str | None = None, description: str | None = None
) -> Tool[P, T] | Callable[[Callable[P, T]], Tool[P, T]]:
    """Make a function a tool: `@tool`, or `@tool(name=…, description=…)`.

    Raises:
        ConfigurationError: it has no name, or a parameter that no schema can describe.
    """
    if function is not None:
        return Tool(function, names=caller_names(1))

    def decorate(decorated: Callable[P, T]) -> Tool[P, T]:
        return Tool(decorated, name=name, description=description, names=caller_names(1))

    return decorate


def check_tools(tools: object, agent: str) -> dict[str, Tool[..., Any]]:
    """The tools of an agent by name.

    Raises:
        ConfigurationError: one is not a tool, or two have the same name.
    """
    by_name: dict[str, Tool[..., Any]] = {}
    if not isinstance(tools, Iterable):
        raise ConfigurationError(f"`tools` of agent `{agent}` must be a list of tools, got {tools!r}")
    for item in cast("Iterable[object]", tools):
        if not isinstance(item, Tool):
            raise ConfigurationError(
                f"`tools` of agent `{agent}` must be made of tools, got {item!r}; decorate it with @tool"
            )
        found = cast("Tool[..., Any]", item)
        if found.name in by_name:
            raise ConfigurationError(
                f"Agent `{agent}` has two tools named `{found.name}`; give one of them another name"
            )
        by_name[found.name] = found
    return by_name
