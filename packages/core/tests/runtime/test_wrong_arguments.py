"""What agents, tools, workflows, steps, models and `Mastra` are made with: refused at once where wrong."""

import pytest

from mastra_core import Agent, Backoff, Mastra, Workflow, step, tool
from mastra_core.errors import ConfigurationError, WorkflowError
from mastra_core.models import AnthropicModel, OpenAIModel, ScriptedModel

MODEL = ScriptedModel(["x"])


def shout(text: str) -> str:
    """Make it loud."""
    return text.upper()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Mastra(agents=5), "Field `agents` must be a list of Agent objects, got 5"),
        (lambda: Mastra(tools=shout), "Field `tools` must be a list of Tool objects"),
        (lambda: Mastra(workflows=[shout]), "Field `workflows` must be made of Workflow objects"),
        (lambda: Agent("a", model=MODEL, tools=tool(shout)), "`tools` of agent `a` must be a list of tools"),
        (lambda: Agent("a", model=MODEL, tools=5), "`tools` of agent `a` must be a list of tools, got 5"),
        (lambda: Agent("a", model=MODEL, id=5), "`id` of agent `a` must be a text, got 5"),
        (lambda: Agent("a", model=MODEL, description=5), "`description` of agent `a` must be a text, got 5"),
        (lambda: Agent("a", model=MODEL, instructions=5), "`instructions` of agent `a` must be a text, or a"),
        (lambda: tool(name="")(shout), "A tool needs a name, a text that is not empty, got ''"),
        (lambda: tool(name=5)(shout), "A tool needs a name, a text that is not empty, got 5"),
        (lambda: Workflow("w", input=5), "must be a type that can be checked, got 5"),
        (
            lambda: Workflow("w", output=(str,)),
            "must be a type that can be checked, got \\(<class 'str'>,\\)",
        ),
        (lambda: ScriptedModel(5), "`script` of ScriptedModel must be a list of answers, got 5"),
        (lambda: ScriptedModel("abc"), "got 'abc'; put a single one into a list"),
        (
            lambda: OpenAIModel("m", api_key=5),
            "`api_key` of OpenAIModel must be a text, or None, got a value of",
        ),
        (lambda: OpenAIModel("m", api_key="k", base_url=5), "`base_url` of OpenAIModel must be a URL"),
        (
            lambda: AnthropicModel("m", api_key="k", base_url="host/v1"),
            "`base_url` of AnthropicModel .* http",
        ),
    ],
)
def test_a_wrong_argument_is_refused_where_it_is_given(make, says):
    """The error names it, what was got and what is allowed; nothing waits for the first run."""
    with pytest.raises(ConfigurationError, match=says):
        make()


async def test_an_agent_that_is_given_none_is_as_one_that_is_given_nothing():
    """None for the description and the instructions says that there are none; no such message is sent."""
    model = ScriptedModel(["x"])
    agent = Agent("a", model=model, instructions=None, description=None)
    await agent.generate("Hello")
    assert (agent.instructions, agent.description) == ("", "")
    assert [message.role for message in model.requests[0].messages] == ["user"]


def _takes(annotation):
    def work(value):
        return value

    work.__annotations__["value"] = annotation
    return work


@pytest.mark.parametrize(
    ("annotation", "meant"),
    [
        (any, "typing.Any"),
        (dict[str, any], "typing.Any"),
        (callable, "collections.abc.Callable"),
        (list[callable], "collections.abc.Callable"),
    ],
)
def test_a_function_in_the_place_of_a_type_is_refused_with_what_was_meant(annotation, meant):
    """`any` and `callable` check nothing; the types are called otherwise."""
    with pytest.raises(ConfigurationError, match=f"`value` of step `work` .*, did you mean `{meant}`\\?$"):
        step(_takes(annotation))
    with pytest.raises(ConfigurationError, match=f"`input` of workflow `w` .*, did you mean `{meant}`\\?$"):
        Workflow("w", input=annotation)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Workflow("w").branch(5), "`branch` of workflow `w` must be a list of pairs"),
        (lambda: step(name="")(shout), "A step needs a name, a text that is not empty, got ''"),
        (lambda: step(name=5)(shout), "A step needs a name, a text that is not empty, got 5"),
        (lambda: step(timeout_s="3")(shout), "`step.timeout_s` must be a valid number, got '3'"),
        (lambda: step(retries=True)(shout), "`step.retries` must be a valid integer, got True"),
        (
            lambda: step(backoff=Backoff(initial_s="1"))(shout),
            "`step.backoff.initial_s` must be a valid number",
        ),
    ],
)
def test_a_workflow_that_is_wired_wrongly_is_refused_where_it_is_written(make, says):
    """Of steps and how they follow each other, it is the error of workflows."""
    with pytest.raises(WorkflowError, match=says):
        make()
