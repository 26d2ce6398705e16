"""Agents: a language model with instructions and tools.

writer = Agent("writer", model=model, instructions="Write plainly.", tools=[count_words])
result = await writer.generate("Write about rivers.")
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from mastra_core.errors import ConfigurationError, with_safe_text
from mastra_core.runtime.agent_loop import AgentLoop, Emit
from mastra_core.runtime.agent_result import AgentResult
from mastra_core.runtime.agent_stream import AgentStream
from mastra_core.runtime.answer import AnswerType
from mastra_core.runtime.contexts import AgentContext
from mastra_core.runtime.execution import Execution, Work, begin_execution, begin_work
from mastra_core.runtime.model import LanguageModel, Message, without_answers
from mastra_core.runtime.tool import Tool, check_tools
from mastra_core.runtime.validation import check_name
from mastra_core.signals.attributes import AgentRunAttributes, SpanType
from mastra_core.signals.correlation import Entity
from mastra_core.tracing.options import TracingOptions

if TYPE_CHECKING:
    from mastra_core.runtime.mastra import Mastra

T = TypeVar("T")

Prompt = str | Message | Sequence[Message]
"""What an agent is asked: a text, a message, or a conversation."""

Instructions = str | Callable[[AgentContext], str | Awaitable[str]]
"""What an agent is told to do, or a function that says it anew for each run."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What an agent is asked to do, checked."""

    prompt: Prompt
    messages: list[Message]
    tracing: TracingOptions | None
    request_context: Mapping[str, Any] | None
    answer: AnswerType | None
    max_steps: int
    parameters: Mapping[str, Any]


class Agent:
    """A language model with instructions and tools; works alone, and is observed with a `Mastra`.

    Attributes:
        name: what a person calls it.
        id: stable identifier, the name where none is given.
        model: answers.
        instructions: what it is told to do.
        tools: what it may call, by name.
        max_steps: requests to the model in one run, at most.
        description: what it is for.
        mastra: what it is registered with, None where it is not; set by `Mastra`.
    """

    def __init__(
        self,
        name: str,
        *,
        model: LanguageModel,
        instructions: Instructions | None = "",
        tools: Sequence[Tool[..., Any]] = (),
        id: str | None = None,
        max_steps: int = 8,
        description: str | None = "",
    ) -> None:
        """Make an agent; None is as good as not given.

        Raises:
            ConfigurationError: an argument is wrong; the message says which and what is allowed.
        """
        check_name(name, "An agent", ConfigurationError)
        if not isinstance(model, LanguageModel):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                f"`model` of agent `{name}` must have `model_id`, `provider` and `generate`, got {model!r}"
            )
        instructions = "" if instructions is None else instructions
        description = "" if description is None else description
        for field, value in (("id", id or name), ("description", description)):
            if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigurationError(f"`{field}` of agent `{name}` must be a text, got {value!r}")
        if not isinstance(instructions, str) and not callable(instructions):
            raise ConfigurationError(
                f"`instructions` of agent `{name}` must be a text, or a function that gives one, "
                f"got {instructions!r}"
            )
        self.name = name
        self.id = id or name
        self.model = model
        self.instructions = instructions
        self.tools = check_tools(tools, name)
        self.max_steps = _check_max_steps(max_steps, name)
        self.description = description
        self.mastra: Mastra | None = None

    @overload
    async def generate(
        self,
        prompt: Prompt,
        *,
        tracing: TracingOptions | None = None,
        request_context: Mapping[str, Any] | None = None,
        output: None = None,
        max_steps: int | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> AgentResult[None]: ...

    @overload
    async def generate(
        self,
        prompt: Prompt,
        *,
        tracing: TracingOptions | None = None,
        request_context: Mapping[str, Any] | None = None,
        output: type[T],
        max_steps: int | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> AgentResult[T]: ...

    async def generate(
        self,
        prompt: Prompt,
        *,
        tracing: TracingOptions | None = None,
        request_context: Mapping[str, Any] | None = None,
        output: Any = None,
        max_steps: int | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> AgentResult[Any]:
        """Run once: ask the model, run the tools it asks for, until it asks for none.

        The tools of one answer run at the same time. A call that does not fit (an unknown tool,
        wrong arguments) is told to the model, which may try again; what a tool raises ends the run.

        Args:
            prompt: a text, a message, or a conversation.
            tracing: options for the trace.
            request_context: handed to every tool.
            output: type that the answer must have, as JSON.
            max_steps: requests to the model, at most; None takes the agent's own.
            parameters: temperature and the like, in the provider's words.

        Raises:
            ModelError: the provider failed, or the answer does not have the type `output`.
            ConfigurationError: an argument is wrong. What the model or a tool raises comes unchanged.
        """
        task = self._check(prompt, tracing, request_context, output, max_steps, parameters)
        return await self._run(task, None)

    @overload
    def stream(
        self,
        prompt: Prompt,
        *,
        tracing: TracingOptions | None = None,
        request_context: Mapping[str, Any] | None = None,
        output: None = None,
        max_steps: int | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> AgentStream[None]: ...

    @overload
    def stream(
        self,
        prompt: Prompt,
        *,
        tracing: TracingOptions | None = None,
        request_context: Mapping[str, Any] | None = None,
        output: type[T],
        max_steps: int | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> AgentStream[T]: ...

    def stream(
        self,
        prompt: Prompt,
        *,
        tracing: TracingOptions | None = None,
        request_context: Mapping[str, Any] | None = None,
        output: Any = None,
        max_steps: int | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> AgentStream[Any]:
        """Run once as `generate` does, and hand on the text while it comes.

            async for text in writer.stream("Write about rivers."):
                print(text, end="")

        The run is part of the trace that this call is made in, wherever the stream is read. A model
        that cannot stream gives its answer in one piece. Arguments are those of `generate`.

        Raises:
            ConfigurationError: an argument is wrong. Anything else comes while the stream is read.
        """
        task = self._check(prompt, tracing, request_context, output, max_steps, parameters)
        return AgentStream(self.name, lambda emit: self._run(task, emit))

    def _check(
        self,
        prompt: Prompt,
        tracing: TracingOptions | None,
        request_context: Mapping[str, Any] | None,
        output: Any,  # noqa: ANN401  # any type form
        max_steps: int | None,
        parameters: Mapping[str, Any] | None,
    ) -> _Task:
        return _Task(
            prompt,
            _as_messages(prompt, self.name),
            tracing,
            request_context,
            None if output is None else AnswerType(output, self.name),
            self.max_steps if max_steps is None else _check_max_steps(max_steps, self.name),
            parameters or {},
        )

    async def _run(self, task: _Task, emit: Emit | None) -> AgentResult[Any]:
        answer = task.answer
        execution = begin_execution(self.mastra, task.tracing, task.request_context)
        with self._begin(execution, task.prompt, task.max_steps) as work:
            loop = AgentLoop(
                self.name,
                self.model,
                self.tools,
                instructions=await self._instruct(work),
                messages=task.messages,
                parameters=task.parameters,
                output_schema=None if answer is None else answer.json_schema,
                emit=emit,
            )
            await loop.run(task.max_steps)
            _record_end(work, loop)
            value = None
            if answer is not None:
                value = answer.read(loop.text)
                work.span.update(output=value)
        return AgentResult(
            text=loop.text,
            output=value,
            usage=loop.usage,
            steps=tuple(loop.steps),
            finish_reason=loop.finish_reason,
            messages=tuple(loop.messages),
            run_id=execution.run_id,
            trace_id=work.span.trace_id,
        )

    def _begin(self, execution: Execution, prompt: Prompt, max_steps: int) -> Work:
        tools = list(self.tools)
        return begin_work(
            execution,
            "agent",
            SpanType.AGENT_RUN,
            self.name,
            input=prompt,
            attributes=AgentRunAttributes(agent_id=self.id, available_tools=tools, max_steps=max_steps),
            entity=Entity("agent", self.id, self.name),
            is_run=True,
            fields={"agent_id": self.id},
            without_outputs=without_answers,
        )

    async def _instruct(self, work: Work) -> str:
        text = self.instructions
        if not isinstance(text, str):
            given = text(AgentContext(**work.context_fields(), agent_name=self.name))
            text = await given if inspect.isawaitable(given) else given
        if not work.span.hides_input:  # they are the first message that the model takes in
            work.span.update(attributes=AgentRunAttributes(instructions=text))
        return text

    def __repr__(self) -> str:
        return f"<Agent {self.name!r} on {self.model.model_id!r}>"


def _record_end(work: Work, loop: AgentLoop) -> None:
    end = AgentRunAttributes(step_count=len(loop.steps))
    if loop.finish_reason is not None:
        end["finish_reason"] = loop.finish_reason
    work.span.update(output=loop.text, attributes=end)
    usage = loop.usage
    work.add_fields(
        step_count=len(loop.steps), input_tokens=usage.input_tokens, output_tokens=usage.output_tokens
    )


def _check_max_steps(count: object, agent: str) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ConfigurationError(
            f"`max_steps` of agent `{agent}` must be a whole number from 1, got {count!r}"
        )
    return count


def _as_messages(prompt: object, agent: str) -> list[Message]:
    if isinstance(prompt, str):
        return [Message("user", prompt)]
    if isinstance(prompt, Message):
        return [prompt]
    given = list(cast("Sequence[object]", prompt)) if isinstance(prompt, Sequence) else [prompt]
    messages = [message for message in given if isinstance(message, Message)]
    if not given or len(messages) != len(given):
        rule = f"The prompt of agent `{agent}` must be a text, a Message or a sequence of them, got"
        kind = type(cast("Any", prompt)).__name__
        raise with_safe_text(ConfigurationError(f"{rule} {prompt!r}"), f"{rule} {kind}")
    return messages
