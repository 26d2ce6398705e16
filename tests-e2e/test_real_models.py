"""Agents on the models of real providers, whose wire formats a server on this machine speaks."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from mastra_core import Agent, Mastra, ModelError, ToolContext, tool
from mastra_core.models import AnthropicModel, OpenAIModel
from mastra_core.testing.model_server import (
    HttpReply,
    HttpRequest,
    ModelServer,
    anthropic_answer,
    openai_answer,
    openai_events,
)
from mastra_duckdb import DuckDBStore

DEMO = Path(__file__).parent.parent / "examples" / "critique_revise"
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "prompt_tokens_details": {"cached_tokens": 60},
    "completion_tokens_details": {"reasoning_tokens": 15},
}
KEY = "sk-a-key-that-nobody-may-see"


@tool
async def look_up(term: str, ctx: ToolContext) -> str:
    """Look a term up."""
    with ctx.tracing.span("search"):
        return f"{term}: water that runs"


# ---------------------------------------------------------------- recorded


async def test_a_stream_from_a_provider_is_recorded(tmp_path):
    """Tokens in classes, time to the first token, retries and tools are in the store."""
    path = tmp_path / "telemetry.duckdb"
    call = {"index": 0, "id": "c1", "function": {"name": "look_up", "arguments": '{"term": "river"}'}}
    replies = [
        HttpReply(429, {"retry-after-ms": "1"}),
        HttpReply(pieces=openai_events({"tool_calls": [call]}, usage=USAGE, finish_reason="tool_calls")),
        HttpReply(pieces=openai_events({"content": "Rivers"}, {"content": " run."}, usage=USAGE)),
    ]
    with ModelServer(replies) as server:
        model = OpenAIModel("gpt-4o", base_url=server.url, api_key=KEY, max_retries=1)
        writer = Agent("writer", model=model, tools=[look_up])
        async with Mastra(agents=[writer], storage=DuckDBStore(path)) as mastra, model:
            stream = writer.stream("Write.")
            assert [text async for text in stream] == ["Rivers", " run."]
            trace = await mastra.get_trace(stream.result.trace_id)
            (generation,) = [span for span in trace.spans if span.span_type == "model_generation"]
            steps = [span for span in trace.spans if span.span_type == "model_step"]
            assert generation.attributes["streaming"] is True
            assert generation.attributes["retries"] == steps[0].attributes["retries"] == 1
            assert generation.attributes["time_to_first_token_ms"] > 0
            assert steps[1].attributes["usage"] == {
                "input_tokens": 100,
                "output_tokens": 20,
                "uncached_input_tokens": 40,
                "cache_read_tokens": 60,
                "text_output_tokens": 5,
                "reasoning_tokens": 15,
                "raw": USAGE,
            }
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.sql(
            "SELECT model, provider, input_tokens, output_tokens FROM mastra_ai_spans "
            "WHERE span_type = 'model_generation'"
        ).fetchall()
    assert rows == [("gpt-4o", "openai", 200, 40)]
    assert KEY.encode() not in path.read_bytes()


async def test_a_stream_that_is_left_is_interrupted_in_the_store(tmp_path):
    """Everything that was begun has ended, and the trace of the next run is whole."""
    pieces = [*openai_events({"content": "Rivers"})[:1], *[b": wait\n\n"] * 3000]
    replies = [HttpReply(pieces=pieces, delay_s=0.01), openai_answer("Rivers run.")]
    with ModelServer(replies) as server:
        model = OpenAIModel("gpt-4o", base_url=server.url, api_key=KEY, max_retries=0)
        writer = Agent("writer", model=model)
        async with Mastra(agents=[writer], storage=DuckDBStore(tmp_path / "t.duckdb")) as mastra, model:
            async for _ in writer.stream("Write."):
                break
            whole = await mastra.get_trace((await writer.generate("Write.")).trace_id)
            left = mastra.storage.list_traces().items
            assert {span.status for span in whole.spans} == {"success"}
            assert sorted(item.status for item in left) == ["interrupted", "success"]


@pytest.mark.parametrize("make", [OpenAIModel, AnthropicModel])
async def test_no_key_is_recorded(tmp_path, make):
    """Not even where the other end says it back in its error."""
    path = tmp_path / "telemetry.duckdb"
    with ModelServer([HttpReply(401, {}, {"error": {"message": f"bad key {KEY}"}})]) as server:
        model = make("m-1", base_url=server.url, api_key=KEY)
        writer = Agent("writer", model=model)
        async with Mastra(agents=[writer], storage=DuckDBStore(path)), model:
            with pytest.raises(ModelError, match=r"401: bad key \*\*\*"):
                await writer.generate("Write.")
    with duckdb.connect(str(path), read_only=True) as connection:
        spans = connection.sql("SELECT * FROM mastra_ai_spans").fetchall()
        logs = connection.sql("SELECT * FROM mastra_ai_logs").fetchall()
    assert "bad key ***" in str(spans)
    assert KEY not in str(spans) + str(logs)


# ---------------------------------------------------------------- the demo


def run_demo(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The demo as a person starts it, with no keys but those given."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI", "ANTHROPIC"))
    }
    return subprocess.run(
        [sys.executable, DEMO, *arguments],
        cwd=folder,
        env={**clean, "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def say(text: str, /, **arguments: object) -> tuple[HttpReply, HttpReply]:
    """The same answer in both formats; with arguments it is a call of the tool `text`."""
    if not arguments:
        return openai_answer(text, usage=USAGE), anthropic_answer({"type": "text", "text": text})
    call = {"type": "tool_use", "id": "c1", "name": text, "input": arguments}
    return (
        openai_answer(calls=[("c1", text, json.dumps(arguments))], usage=USAGE),
        anthropic_answer(call, stop_reason="tool_use"),
    )


def play(request: HttpRequest) -> tuple[HttpReply, HttpReply]:
    """A drafter, a critic that is content at once, told apart by their instructions."""
    body = request.body
    said = json.dumps(body.get("system") or body["messages"][0])
    has_results = "tool_result" in str(body) or any(item["role"] == "tool" for item in body["messages"])
    if "You judge summaries" in said:
        if not has_results:
            return say("count_words", text="one two")
        return say('{"passed": true, "score": 0.9, "problems": []}')
    if not has_results:
        heading = re.search(r"- (.*?)(\\n|\")", json.dumps(body["messages"]))
        return say("read_section", heading=heading[1] if heading else "")
    return say("It observes agents. It keeps traces.")


@pytest.mark.parametrize(
    ("provider", "model", "index", "path"),
    [("openai", "gpt-4o", 0, "/v1"), ("anthropic", "claude-sonnet-4-5", 1, "")],
)
def test_the_demo_runs_on_a_real_model(tmp_path, provider, model, index, path):
    """`--model PROVIDER:NAME` puts it in the place of the script, and nothing changes but that it costs."""
    with ModelServer(lambda request: play(request)[index]) as server:
        done = run_demo(
            tmp_path,
            "--model",
            f"{provider}:{model}",
            "--base-url",
            server.url + path,
            **{f"{provider.upper()}_API_KEY": KEY},
        )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "It observes agents. It keeps traces." in done.stdout
    assert "passed after 0 revisions" in done.stdout
    assert model in done.stdout
    assert len(server.requests) == 4
    with duckdb.connect(str(tmp_path / "demo.duckdb"), read_only=True) as connection:
        rows = connection.sql(
            "SELECT DISTINCT model, provider, estimated_cost_usd > 0 FROM mastra_ai_spans "
            "WHERE span_type = 'model_generation'"
        ).fetchall()
    assert rows == [(model, provider, True)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "openai:m-1"], "OpenAIModel(`m-1`) has no API key; set OPENAI_API_KEY"),
        (["--model", "anthropic:m-1"], "AnthropicModel(`m-1`) has no API key; set ANTHROPIC_API_KEY"),
        (["--model", "gpt"], "must be one of scripted, anthropic:NAME, openai:NAME, got 'gpt'"),
        (["--model", "openai:"], "got 'openai:'"),
        (["--model", "mistral:m-1"], "got 'mistral:m-1'"),
        (["--base-url", "http://127.0.0.1:9"], "--base-url goes with a provider"),
    ],
)
def test_the_demo_says_what_is_wrong_with_the_model(tmp_path, arguments, message):
    """One line and exit code 2; nothing is run or written."""
    done = run_demo(tmp_path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "demo.duckdb").exists()


def test_the_demo_says_which_package_is_missing(tmp_path):
    """Where the SDK is not installed, with the command that helps."""
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide" / "openai.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'openai'\", name='openai')"
    )
    done = run_demo(tmp_path, "--model", "openai:m-1", PYTHONPATH=str(tmp_path / "hide"), OPENAI_API_KEY=KEY)
    assert done.returncode == 2
    assert "run `pip install 'mastra-core[openai]'`" in done.stderr


def test_the_demo_fails_in_one_line_where_the_provider_does(tmp_path):
    """A refusal is an error of the run: exit code 1, and what to do."""
    with ModelServer([HttpReply(401, {}, {"error": {"message": "bad key"}})]) as server:
        done = run_demo(tmp_path, "--model", "openai:m-1", "--base-url", server.url, OPENAI_API_KEY=KEY)
    assert done.returncode == 1
    assert done.stderr == (
        "ModelError: Provider `openai`, asked for `m-1`, answered 401: bad key; check the API key\n"
    )
