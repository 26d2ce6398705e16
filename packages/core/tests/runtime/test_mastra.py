import logging
import sys
import textwrap
import warnings

import pytest

from mastra_core.errors import (
    ConfigurationError,
    StoreNotFoundError,
    StoreUnavailableError,
    UnsupportedQueryError,
)
from mastra_core.models import ScriptedModel
from mastra_core.runtime.agent import Agent
from mastra_core.runtime.config import ObservabilityConfig
from mastra_core.runtime.mastra import Mastra
from mastra_core.runtime.tool import tool
from mastra_core.runtime.workflow import Workflow
from mastra_core.signals.span import SpanExported
from mastra_core.storage import InMemoryStore
from mastra_core.storage.aio import Asynchronous
from mastra_core.storage.capabilities import Capabilities
from mastra_core.tracing.observability import NoOpObservability

TRACE_ID = "0" * 31 + "1"


class BrokenStore(InMemoryStore):
    """A store that cannot be opened."""

    def get_trace(self, trace_id):
        raise StoreUnavailableError("away")


@tool
def shout(text: str) -> str:
    """Say it louder."""
    return text.upper()


def writer(name="writer"):
    """An agent."""
    return Agent(name, model=ScriptedModel(["done"], loop=True))


@pytest.fixture
def implementation(tmp_path, monkeypatch):
    """An installed implementation of observability and of a store, that remember what they were given."""
    package = tmp_path / "fake_implementation.py"
    package.write_text(
        textwrap.dedent(
            """
            from mastra_core.storage import InMemoryStore
            from mastra_core.tracing.observability import NoOpObservability

            class Instance(NoOpObservability):
                is_recording = True

                def __init__(self, config, store):
                    self.config, self.store = config, store

            def open_fake(url):
                store = InMemoryStore()
                store.url = url
                return store
            """
        )
    )
    info = tmp_path / "fake_implementation-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-implementation\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[mastra.observability]\ndefault = fake_implementation:Instance\n"
        "[mastra.stores]\nfake = fake_implementation:open_fake\n"
    )
    # First in line, so that it also stands before an implementation that is really installed.
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("fake_implementation", None)


# ---------------------------------------------------------------- what it holds


def test_members_are_found_by_name():
    """Agents, workflows and tools are registered, and know where."""
    agent, flow = writer(), Workflow("flow").then(abs)
    mastra = Mastra(agents=[agent], workflows=[flow], tools=[shout])
    assert mastra.get_agent("writer") is agent
    assert mastra.get_workflow("flow") is flow
    assert mastra.get_tool("shout") is shout
    assert agent.mastra is flow.mastra is shout.mastra is mastra


def test_an_unknown_name_is_answered_with_the_known_ones():
    """The error says what was asked for and what there is."""
    mastra = Mastra(agents=[writer("a"), writer("b")])
    with pytest.raises(ConfigurationError, match="No agent is registered as 'c'; registered are: 'a', 'b'"):
        mastra.get_agent("c")
    with pytest.raises(ConfigurationError, match="No workflow is registered as 'c'; registered are: none"):
        mastra.get_workflow("c")
    with pytest.raises(ConfigurationError, match="No tool is registered"):
        mastra.get_tool("c")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"agents": [writer(), writer()]}, "`agents` has two named 'writer'"),
        ({"agents": ["writer"]}, "`agents` must be made of Agent objects, got 'writer'"),
        ({"workflows": [writer()]}, "`workflows` must be made of Workflow objects"),
        ({"tools": [print]}, "`tools` must be made of Tool objects"),
        ({"storage": 7}, "`storage` must be a store or a URL.*got a value of type int"),
        ({"storage": "telemetry.duckdb"}, "must begin with a scheme"),
        ({"storage": "nowhere://x"}, "No installed store knows the scheme 'nowhere'"),
        (
            {"observability": {"service_name": "x"}},
            "`observability` must be an ObservabilityConfig, or an instance",
        ),
        ({"logger": "loud"}, "`logger` must be one of trace, debug.*got 'loud'"),
    ],
)
def test_a_wrong_setting_is_refused(kwargs, message):
    """The error says which field and what is allowed."""
    with pytest.raises(ConfigurationError, match=message):
        Mastra(**kwargs)


def test_a_member_belongs_to_the_last_mastra(recorder):
    """Registering again moves it; a refused registration moves nothing."""
    agent = writer()
    Mastra(agents=[agent])
    second = Mastra(agents=[agent], observability=recorder)
    assert agent.mastra is second
    with pytest.raises(ConfigurationError):
        Mastra(agents=[agent], storage=7)
    assert agent.mastra is second


# ---------------------------------------------------------------- what observes it


def test_nothing_configured_records_nothing(implementation):
    """Without settings and storage even an installed implementation stays asleep."""
    assert not Mastra().observability.is_recording
    with pytest.warns(DeprecationWarning, match="`logger=` of Mastra is deprecated"):
        assert not Mastra(logger="debug").observability.is_recording


def test_nothing_installed_records_nothing(monkeypatch):
    """With core alone, settings and a storage change nothing."""
    monkeypatch.setattr("mastra_core.runtime.assembly.entry_points", lambda **group: ())
    for settings in ({"observability": ObservabilityConfig()}, {"storage": InMemoryStore()}):
        assert not Mastra(**settings).observability.is_recording


def test_the_installed_implementation_gets_settings_and_storage(implementation):
    """It is found by its entry point, and given what the user said."""
    store, config = InMemoryStore(), ObservabilityConfig(service_name="docs")
    mastra = Mastra(storage=store, observability=config)
    assert (mastra.observability.config, mastra.observability.store) == (config, store)
    assert Mastra(observability=config).observability.store is None
    assert Mastra(storage=store).observability.config == ObservabilityConfig()


def test_a_storage_may_be_a_url_in_code_or_in_the_environment(implementation, monkeypatch):
    """What is said in code comes before the environment."""
    assert Mastra(storage="fake:///a").storage.url == "fake:///a"
    assert Mastra().storage is None
    monkeypatch.setenv("MASTRA_STORAGE_URL", "fake:///b")
    assert Mastra().storage.url == "fake:///b"
    assert Mastra().observability.store.url == "fake:///b"
    assert Mastra(storage="fake:///a").storage.url == "fake:///a"


def test_an_instance_is_taken_as_it_is(recorder):
    """Its parts are the parts of Mastra."""
    mastra = Mastra(observability=recorder)
    assert mastra.observability is recorder
    assert mastra.tracer is recorder.tracer
    assert mastra.logger is recorder.logger
    assert mastra.metrics is recorder.metrics


# ---------------------------------------------------------------- the deprecated logger


class WithLevel:
    def __init__(self, level):
        self.level = level


def standard(level):
    """A logger of the standard library."""
    logger = logging.getLogger(f"test.{level}")
    logger.setLevel(level)
    return logger


@pytest.mark.parametrize(
    ("logger", "level"),
    [
        ("debug", "debug"),
        ("WARNING", "warn"),
        ("critical", "fatal"),
        (logging.ERROR, "error"),
        (25, "info"),
        (0, "trace"),
        (99, "fatal"),
        (standard(logging.WARNING), "warn"),
        (logging.LoggerAdapter(standard(logging.ERROR)), "error"),
        (WithLevel("info"), "info"),
        (WithLevel(30), "warn"),
    ],
)
def test_a_logger_becomes_a_level(implementation, logger, level):
    """A word, a number or an object: its level is carried over, with one warning at the caller's line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mastra = Mastra(logger=logger, storage=InMemoryStore())
    assert mastra.observability.config.log_level == level
    (warning,) = caught
    assert warning.category is DeprecationWarning
    assert warning.filename == __file__
    assert f"ObservabilityConfig(log_level='{level}')" in str(warning.message)


@pytest.mark.parametrize("logger", [object(), WithLevel(None), WithLevel("loud"), True])
def test_a_logger_without_a_level_is_refused(logger):
    """What cannot be understood is an error, not a guess."""
    with pytest.raises(ConfigurationError, match="`logger` must be"):
        Mastra(logger=logger)


def test_a_level_that_is_set_stays(implementation):
    """What the settings say explicitly comes before the old logger, whatever else they say or not."""
    with pytest.warns(DeprecationWarning, match="`logger=` of Mastra is deprecated"):
        mastra = Mastra(
            logger="debug", observability=ObservabilityConfig(log_level="error", service_name="docs")
        )
    assert mastra.observability.config.log_level == "error"
    with pytest.warns(DeprecationWarning, match="`logger=` of Mastra is deprecated"):
        mastra = Mastra(logger="debug", observability=ObservabilityConfig(service_name="docs"))
    assert mastra.observability.config == ObservabilityConfig(log_level="debug", service_name="docs")


def test_an_instance_keeps_its_level(recorder):
    """An instance that is handed in is not touched."""
    with pytest.warns(DeprecationWarning, match="`logger=` of Mastra is deprecated"):
        assert Mastra(logger="debug", observability=recorder).observability is recorder


# ---------------------------------------------------------------- reading back


def stored(store):
    """The store, with one trace in it."""
    store.write_spans([SpanExported(TRACE_ID, "0" * 15 + "1", None, "a", "generic", False, 1, 2, "success")])
    return store


async def test_a_trace_is_read_after_a_flush(recorder):
    """What is under way is stored first, so that a trace can be read right after its run."""
    mastra = Mastra(observability=recorder, storage=stored(InMemoryStore()))
    trace = await mastra.get_trace(TRACE_ID)
    assert recorder.calls == ["flush"]
    assert (trace.trace_id, trace.root_span.name) == (TRACE_ID, "a")


async def test_an_unknown_trace_is_an_error(recorder):
    """Nothing stored is said, not shown as an empty trace."""
    with pytest.raises(StoreNotFoundError, match="No trace 'x' is stored"):
        await Mastra(observability=recorder, storage=InMemoryStore()).get_trace("x")
    with pytest.raises(StoreNotFoundError, match="No storage to read trace 'x' from"):
        await Mastra(observability=recorder).get_trace("x")


async def test_a_trace_that_is_still_on_its_way_is_told_apart_from_one_that_is_not_there(recorder):
    """Where the flush before the look ended too early, the error says so, and how to wait longer."""

    async def end_too_early(timeout_s):
        return False

    recorder.aflush = end_too_early
    with pytest.raises(StoreNotFoundError, match=r"stored yet: .* `await mastra\.flush\(timeout_s=…\)`"):
        await Mastra(observability=recorder, storage=InMemoryStore()).get_trace("x")


async def test_where_nothing_is_recorded_a_trace_is_empty():
    """Code that annotates goes on without observability."""
    mastra = Mastra()
    for trace in (await mastra.get_trace(None), await mastra.get_trace(TRACE_ID)):
        assert len(trace) == 0
        trace.add_score("relevance", 1)
        trace.root_span.add_feedback("thumbs", 1)


async def test_what_is_stored_is_read_also_without_recording():
    """A program that records nothing itself may look at what others recorded."""
    mastra = Mastra(storage=stored(InMemoryStore()), observability=NoOpObservability())
    assert len(await mastra.get_trace(TRACE_ID)) == 1


async def test_a_store_that_is_away_stops_only_the_reading(recorder):
    """The application runs; whoever asks for the trace is told."""
    agent = writer()
    mastra = Mastra(agents=[agent], observability=recorder, storage=BrokenStore())
    result = await agent.generate("go")
    with pytest.raises(StoreUnavailableError):
        await mastra.get_trace(result.trace_id)


async def test_a_store_without_spans_cannot_give_traces(recorder):
    """A store of something else is told apart from an empty one."""

    class LogsOnly(Asynchronous):
        capabilities = Capabilities(logs=True)

        def initialize(self): ...

        def clear(self): ...

        def close(self): ...

    with pytest.raises(UnsupportedQueryError, match="LogsOnly keeps no spans"):
        await Mastra(observability=recorder, storage=LogsOnly()).get_trace("x")


# ---------------------------------------------------------------- its life


async def test_the_end_of_the_block_shuts_down(recorder):
    """Observability first, since it still writes, then the storage; also after an error."""

    class Store(InMemoryStore):
        def close(self):
            recorder.calls.append("close")

    async def program():
        async with Mastra(observability=recorder, storage=Store()) as mastra:
            assert mastra.observability is recorder
            raise ValueError("of the program")

    with pytest.raises(ValueError, match="of the program"):
        await program()
    assert recorder.calls == ["shutdown", "close"]


async def test_flush_and_shutdown_say_whether_all_arrived(recorder):
    """Their answer is the observability's; shutting down twice is harmless."""
    mastra = Mastra(observability=recorder, storage=InMemoryStore())
    assert await mastra.flush() is True
    assert await mastra.shutdown() is True
    assert await mastra.shutdown() is True
