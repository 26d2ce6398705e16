"""The loop of an agent: ask the model, run the tools it asks for, ask again with their results.

    agent_run                  the agent
    └ model_generation         the whole loop: usage and finish reason of all its steps
      ├ model_step             a request and its answer
      ├ tool_call              what the answer asked for, all at once
      ├ tool_call
      └ model_step

Tool calls stand between the steps that they connect, so that the tree reads in the order of events.
Where `model_generation` is left out, what remains is the tree of OpenTelemetry's conventions for
generative AI: the agent, and inside it its requests and its tools.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from mastra_core.errors import ModelError, ToolError, with_safe_text
from mastra_core.runtime.agent_result import AgentEvent, AgentStep, ToolResult
from mastra_core.runtime.execution import Work, begin_work, execution_of
from mastra_core.runtime.model import (
    LanguageModel,
    Message,
    ModelRequest,
    ModelResponse,
    StreamingLanguageModel,
    ToolCall,
    without_answers,
)
from mastra_core.runtime.model_stream import ModelStream
from mastra_core.runtime.together import run_together
from mastra_core.runtime.tool import Tool
from mastra_core.runtime.usage import Usage
from mastra_core.runtime.validation import shorten
from mastra_core.signals.attributes import (
    ModelGenerationAttributes,
    ModelStepAttributes,
    SpanType,
    ToolCallAttributes,
)
from mastra_core.signals.correlation import Entity
from mastra_core.signals.payload import clean_text, encode
from mastra_core.tracing.span import Span

Emit: TypeAlias = Callable[[AgentEvent], Awaitable[None]]
"""Takes what happens while it happens; waits where its consumer is slower."""

_UNKNOWN_TOOL = Entity("tool", None, "unknown")


class AgentLoop:
    """One run of the loop.

    Attributes:
        messages: the conversation so far, without the instructions.
        steps: so far.
        usage: so far.
        finish_reason: None until the end, and where the model tells none.
    """

    def __init__(
        self,
        agent_name: str,
        model: LanguageModel,
        tools: Mapping[str, Tool[..., Any]],
        *,
        instructions: str,
        messages: list[Message],
        parameters: Mapping[str, Any],
        output_schema: dict[str, Any] | None,
        emit: Emit | None = None,
    ) -> None:
        self._agent_name = agent_name
        self._model = model
        self._tools = tools
        self._before = (Message("system", instructions),) if instructions else ()
        self._parameters = parameters
        self._output_schema = output_schema
        self._specs = tuple(tool.spec for tool in tools.values())
        self._emit = emit
        self._is_streaming = emit is not None and isinstance(model, StreamingLanguageModel)
        self._first_token_ms: float | None = None
        self._retries = 0
        self.messages = messages
        self.steps: list[AgentStep] = []
        self.usage = Usage()
        self.finish_reason: str | None = None

    @property
    def text(self) -> str:
        """The model's last words."""
        return self.steps[-1].text if self.steps else ""

    async def run(self, max_steps: int) -> None:
        """Ask until the model asks for no tool, at most `max_steps` times."""
        attributes = ModelGenerationAttributes(
            model=self._model.model_id,
            provider=self._model.provider,
            streaming=self._is_streaming,
            step_count=0,
        )
        with begin_work(
            execution_of(None),
            None,
            SpanType.MODEL_GENERATION,
            self._model.model_id,
            input=(*self._before, *self.messages),
            attributes=attributes,
            without_outputs=without_answers,
        ) as work:
            self._record_parameters(work.span)
            try:
                while await self._step() and len(self.steps) < max_steps:
                    pass
                if self.steps[-1].tool_results:
                    self.finish_reason = "max_steps"
                work.span.update(output=self.text)
            finally:
                work.span.update(attributes=self._generation_end())

    def _record_parameters(self, span: Span) -> None:
        """Record how the model is asked; a parameter that is no number can be an input as well."""
        shown = {
            name: value
            for name, value in self._parameters.items()
            if not span.hides_input or isinstance(value, int | float)
        }
        if shown:
            span.update(attributes=ModelGenerationAttributes(parameters=shown))

    def _generation_end(self) -> ModelGenerationAttributes:
        end = ModelGenerationAttributes(step_count=len(self.steps), usage=self.usage.to_attributes())
        if self.finish_reason is not None:
            end["finish_reason"] = self.finish_reason
        if self._first_token_ms is not None:
            end["time_to_first_token_ms"] = self._first_token_ms
        if self._retries:
            end["retries"] = self._retries
        return end

    async def _step(self) -> bool:
        """A request and the tools it asks for; False where it asks for none."""
        response = await self._ask()
        self.finish_reason = response.finish_reason
        self.messages.append(
            Message("assistant", response.text, response.tool_calls, reasoning=response.reasoning)
        )
        self.usage += response.usage
        results: list[ToolResult] = []
        if response.tool_calls:
            results = await run_together([self._call_and_tell(call) for call in response.tool_calls])
        step = AgentStep(response.text, tuple(results), response.usage, response.finish_reason)
        self.steps.append(step)
        for result in results:
            self.messages.append(
                Message("tool", result.text, tool_call_id=result.call.id, is_error=result.is_error)
            )
        await self._tell(step)
        return bool(results)

    async def _tell(self, event: AgentEvent) -> None:
        if self._emit is not None:
            await self._emit(event)

    async def _ask(self) -> ModelResponse:
        model = self._model
        request = ModelRequest(
            (*self._before, *self.messages), self._specs, self._parameters, self._output_schema
        )
        with begin_work(
            execution_of(None),
            "model",
            SpanType.MODEL_STEP,
            model.model_id,
            input=request.messages,
            attributes=ModelStepAttributes(
                model=model.model_id,
                provider=model.provider,
                step_index=len(self.steps),
                streaming=self._is_streaming,
            ),
            fields={"model": model.model_id, "provider": model.provider, "step_index": len(self.steps)},
            without_outputs=without_answers,
        ) as work:
            try:
                response = await self._respond(request, work)
            except ModelError as error:
                self._record_retries(work, error.retries)
                raise
            _record_response(work, response)
            self._record_retries(work, response.retries)
            return response

    async def _respond(self, request: ModelRequest, work: Work) -> ModelResponse:
        """The answer; where it is streamed, its pieces are told, one piece where the model cannot stream."""
        model = self._model
        if self._emit is None or not isinstance(model, StreamingLanguageModel):
            response = _check_response(await model.generate(request), model.model_id)
            if response.text:
                await self._tell(response.text)
            return response
        stream = ModelStream(model, request)
        try:
            return await stream.read(self._emit)
        except BaseException:
            if stream.text:
                work.span.update(output={"text": stream.text})  # there will be no more
            raise
        finally:
            self._record_first_token(work, stream.first_token_ms)

    def _record_first_token(self, work: Work, took_ms: float | None) -> None:
        if took_ms is not None:
            work.span.update(attributes=ModelStepAttributes(time_to_first_token_ms=took_ms))
            if not self.steps:
                self._first_token_ms = took_ms

    def _record_retries(self, work: Work, count: int) -> None:
        if count:
            self._retries += count
            work.span.update(attributes=ModelStepAttributes(retries=count))
            work.add_fields(retries=count)

    async def _call_and_tell(self, call: ToolCall) -> ToolResult:
        await self._tell(call)
        result = await self._call(call)
        await self._tell(result)
        return result

    async def _call(self, call: ToolCall) -> ToolResult:
        """Run a tool. A call that does not fit goes back to the model, which may know better."""
        tool = self._tools.get(call.name)
        if tool is None:
            return self._refuse_unknown(call)
        fits = False
        try:
            with tool.begin(call.arguments, tool_call_id=call.id) as work:
                bound = tool.bind(_read_arguments(call, work))
                fits = True
                output = await tool.call(bound, work, call.id)
                work.span.update(output=output)
        except ToolError as error:
            if fits:
                raise  # the tool's own
            return ToolResult(call, None, str(error), is_error=True)
        return ToolResult(call, output, _as_text(output))

    def _refuse_unknown(self, call: ToolCall) -> ToolResult:
        has = ", ".join(self._tools) or "none"
        message = f"Agent `{self._agent_name}` has no tool `{call.name}`; its tools are: {has}"
        # Names that a model makes up are no labels for metrics.
        attributes = ToolCallAttributes(tool_id=call.name, tool_call_id=call.id)
        error = with_safe_text(ToolError(message))
        with (
            contextlib.suppress(ToolError),
            begin_work(
                execution_of(None),
                "tool",
                SpanType.TOOL_CALL,
                call.name,
                input=call.arguments,
                attributes=attributes,
                entity=_UNKNOWN_TOOL,
                fields={"tool_id": call.name},
            ),
        ):
            raise error
        return ToolResult(call, None, message, is_error=True)


def _check_response(response: object, model_id: str) -> ModelResponse:
    """The response. Raises `ModelError` where an adapter answered with something else."""
    if not isinstance(response, ModelResponse):
        rule = f"Model `{model_id}` must answer with a ModelResponse, got"
        raise with_safe_text(ModelError(f"{rule} {shorten(response)}"), f"{rule} {type(response).__name__}")
    return response


def _record_response(work: Work, response: ModelResponse) -> None:
    end = ModelStepAttributes(usage=response.usage.to_attributes())
    output: dict[str, Any] = {"text": response.text}
    if response.tool_calls:
        output["tool_calls"] = _calls_shown(response.tool_calls, work.span)
        end["tool_calls"] = [call.name for call in response.tool_calls]
    if response.finish_reason is not None:
        end["finish_reason"] = response.finish_reason
    if response.response_id is not None:
        end["response_id"] = response.response_id
    work.span.update(output=output, attributes=end)
    work.add_fields(input_tokens=response.usage.input_tokens, output_tokens=response.usage.output_tokens)


def _calls_shown(calls: tuple[ToolCall, ...], span: Span) -> tuple[ToolCall, ...]:
    """What is recorded of calls: their arguments are inputs, of the tools."""
    return tuple(ToolCall(call.name, id=call.id) for call in calls) if span.hides_input else calls


def _read_arguments(call: ToolCall, work: Work) -> dict[str, Any]:
    """The arguments. Raises `ToolError` where the model wrote something else."""
    if call.unreadable is None:
        return call.arguments
    work.span.update(input=call.unreadable)
    rule = f"The arguments of tool `{call.name}` must be a JSON object"
    raise with_safe_text(ToolError(f"{rule}, got {shorten(call.unreadable)}"), rule)


def _as_text(output: object) -> str:
    return clean_text(output) if isinstance(output, str) else encode(output).decode()
