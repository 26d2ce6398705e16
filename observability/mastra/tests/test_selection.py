"""Several named configurations: one is chosen where a trace begins, and has all that belongs to the trace."""

import asyncio
import logging

import pytest

from mastra_core import (
    Agent,
    ConfigurationError,
    Mastra,
    ObservabilityConfig,
    StoreNotFoundError,
    TraceMiddleware,
    TracingOptions,
)
from mastra_core.bridges import ObservabilityHandler
from mastra_core.models import ScriptedModel
from mastra_core.storage import InMemoryStore
from mastra_core.tracing.active import active
from mastra_observability import DefaultExporter, Observability, TestExporter


def by_region(request_context):
    """The configuration of a region, which calls name."""
    return request_context.get("region")


@pytest.fixture
def home():
    """What the default configuration exports."""
    return TestExporter()


@pytest.fixture
def eu():
    """What the configuration `eu` exports."""
    return TestExporter()


@pytest.fixture
def obs(home, eu):
    """An instance that chooses by region."""
    with Observability(
        service_name="shop",
        exporters=[home],
        configs={"eu": ObservabilityConfig(exporters=[eu], default_session_id="eu-session")},
        config_selector=by_region,
    ) as instance:
        yield instance


def names(exporter):
    """The spans that an exporter got, and the logs, by name and message."""
    return sorted(span.name for span in exporter.spans), sorted(log.message for log in exporter.logs)


def test_everything_of_a_trace_goes_where_its_beginning_went(obs, home, eu):
    """Spans at any depth, what loggers and instruments made before say inside, scores and feedback."""
    logger, counter = obs.logger, obs.metrics.counter("orders")
    with obs.span("order", request_context={"region": "eu"}) as order:
        logger.info("inside")
        counter.add(1)
        with obs.span("pay"), order.child("book") as book:
            obs.metrics.histogram("page_ms").record(3)
            obs.context(book).logger.info("in context")
            obs.context(book).metrics.gauge("length").set(2)
        order.add_score("quality", 1)
    obs.add_feedback("thumbs", 1, trace_id=order.trace_id)
    logger.info("outside")
    counter.add(1)
    with obs.span("at home"):
        logger.info("inside at home")
    obs.flush()
    assert names(eu) == (["book", "order", "pay"], ["in context", "inside"])
    assert names(home) == (["at home"], ["inside at home", "outside"])
    own = [metric for metric in eu.metrics if not metric.name.startswith("mastra_")]
    assert [metric.name for metric in own] == ["orders", "page_ms", "length"]
    assert {metric.correlation.session_id for metric in own} == {"eu-session"}
    assert [metric.name for metric in home.metrics] == ["orders"]
    assert ([score.scorer_id for score in eu.scores], home.scores) == (["quality"], [])
    assert ([one.feedback_type for one in eu.feedback], home.feedback) == (["thumbs"], [])
    assert {span.correlation.service_name for span in eu.spans} == {"shop"}


def test_only_the_beginning_of_a_trace_is_asked_about(home, eu):
    """What is inside follows, whatever it says itself, in tasks and threads too."""
    asked = []

    def select(request_context):
        asked.append(dict(request_context))
        return "eu"

    async def work():
        with obs.span("task", request_context={"region": "home"}):
            await asyncio.to_thread(obs.span("thread").end)

    async def run():
        with obs.span("root", request_context={"region": "eu"}):
            await asyncio.gather(work(), work())

    config = {"exporters": [home], "configs": {"eu": {"exporters": [eu]}}, "config_selector": select}
    with Observability(**config) as obs:
        asyncio.run(run())
    assert asked == [{"region": "eu"}]
    assert (len(eu.spans), home.spans) == (5, [])


def test_a_trace_that_is_sampled_out_is_measured_where_it_belongs(home, eu):
    """Its spans and logs are nowhere; what is counted inside counts for the configuration it was given."""
    with Observability(
        exporters=[home],
        configs={"eu": {"exporters": [eu], "sampling": "never"}},
        config_selector="region",
    ) as obs:
        counter = obs.metrics.counter("orders")
        for kind in ("generic", "agent_run"):
            with obs.span("order", kind, request_context={"region": "eu"}), obs.span("inside") as inside:
                counter.add(1)
                obs.context(inside).metrics.counter("deep").add(1)
                with obs.span("search", "tool_call"):
                    obs.logger.info("never said")
    assert (home.spans, home.logs, home.metrics, eu.spans, eu.logs) == ([], [], [], [], [])
    counted = [metric.name for metric in eu.metrics if not metric.name.startswith("mastra_")]
    assert counted == ["orders", "deep"] * 2
    assert "mastra_agent_runs_ended" in {metric.name for metric in eu.metrics}
    assert "mastra_tool_calls_ended" in {metric.name for metric in eu.metrics}


@pytest.mark.parametrize(
    ("selector", "says"),
    [
        (
            lambda request_context: 1 / 0,
            "the selector of configurations raised ZeroDivisionError at ",
        ),
        (lambda request_context: "mars", "there are default, eu, but no mars"),
        (lambda request_context: ["eu"], "the selector of configurations raised TypeError"),
        ("region", "there are default, eu, but no mars"),
    ],
)
def test_what_goes_wrong_in_choosing_goes_to_the_default_and_is_told_once(home, eu, caplog, selector, says):
    """A selector that raises, or names what is not there, costs no trace and no program."""
    with Observability(
        exporters=[home], configs={"eu": {"exporters": [eu]}}, config_selector=selector
    ) as obs:
        for _ in range(3):
            obs.span("work", request_context={"region": "mars"}).end()
    assert (len(home.spans), eu.spans) == (3, [])
    (told,) = [record.message for record in caplog.records if "goes to the configuration" in record.message]
    assert says in told


@pytest.mark.parametrize("region", [None, "default"])
def test_none_and_default_are_the_default_one(obs, home, eu, region):
    """A call that says nothing, or says `default`, is no mistake."""
    obs.span("work", request_context={"region": region}).end()
    obs.flush()
    assert (len(home.spans), eu.spans) == (1, [])


def test_code_without_an_instance_at_hand_finds_the_one_that_chooses(obs, home, eu):
    """Bridges from logging libraries log where the current trace is logged, and at home outside."""
    assert active() is obs
    log = logging.getLogger("shop.test")
    log.setLevel("INFO")
    handler = ObservabilityHandler()
    log.addHandler(handler)
    with obs.span("order", request_context={"region": "eu"}):
        log.info("inside")
    log.info("outside")
    log.removeHandler(handler)
    obs.flush()
    assert (names(eu)[1], names(home)[1]) == (["inside"], ["outside"])


def test_each_configuration_has_its_numbers_and_its_level(obs, home, eu):
    """The counters of all are told by name; a level that is set while the program runs is that of all."""
    obs.span("order", request_context={"region": "eu"}).end()
    obs.flush()
    assert set(obs.stats()["configs"]) == {"eu"}
    assert list(obs.instances) == ["default", "eu"]
    obs.set_log_level("error")
    with obs.span("order", request_context={"region": "eu"}):
        obs.logger.info("never said")
        obs.logger.error("said")
    obs.flush()
    assert names(eu)[1] == ["said"]


def test_a_server_chooses_by_what_it_is_asked(obs, home, eu):
    """The middleware makes a request context of a request; one that cannot be made stops no answer."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def ask(path):
        async def send(message): ...

        served = TraceMiddleware(app, obs, request_context=lambda scope: {"region": scope["path"][1:]})
        await served({"type": "http", "method": "GET", "path": path, "headers": []}, None, send)
        broken = TraceMiddleware(app, obs, request_context=lambda scope: scope["none"])
        await broken({"type": "http", "method": "PUT", "path": path, "headers": []}, None, send)

    asyncio.run(ask("/eu"))
    obs.flush()
    assert (names(eu)[0], names(home)[0]) == (["GET"], ["PUT"])


async def test_a_mastra_reads_from_every_storage(tmp_path):
    """Traces, sessions, and what is said of them later are found wherever the request context sent them."""
    home, eu = InMemoryStore(), InMemoryStore()
    guide = Agent("guide", model=ScriptedModel(["one", "two", "three"]))
    config = ObservabilityConfig(
        default_session_id="talk",
        configs={"eu": ObservabilityConfig(storage=eu), "loud": {"log_level": "debug"}},
        config_selector="region",
    )
    mastra = Mastra(agents=[guide], storage=home, observability=config)
    first = await guide.generate("Hi")
    second = await guide.generate("Hi", request_context={"region": "eu"})
    third = await guide.generate("Hi", request_context={"region": "loud"})
    trace = await mastra.get_trace(second.trace_id)
    trace.add_score("quality", 1)
    mastra.add_score("relevance", 0.5, trace_id=second.trace_id)
    assert len(await mastra.get_trace(third.trace_id)) == len(await mastra.get_trace(first.trace_id))
    session = await mastra.get_session("talk")
    assert [turn.trace_id for turn in session] == [first.trace_id, second.trace_id, third.trace_id]
    assert len(await mastra.get_session("talk", limit=2)) == 2
    assert session.turn_count == 3
    with pytest.raises(StoreNotFoundError):
        await mastra.get_trace("0" * 31 + "1")
    assert {score.scorer_id for score in eu.list_scores().items} == {"quality", "relevance"}
    assert home.list_scores().items == []
    assert {log.trace_id for log in home.list_logs().items} == {first.trace_id, third.trace_id}
    await mastra.shutdown()


def test_configurations_with_the_same_url_share_a_store_and_close_it_last(tmp_path):
    """It is opened once, and what all of them recorded is in it."""
    url = f"duckdb:///{tmp_path / 'eu.duckdb'}"
    obs = Observability(
        storage="memory://",
        configs={"eu": {"storage": url}, "europe": {"storage": url}, "near": {}},
        config_selector="region",
    )
    instances = obs.instances
    assert instances["eu"].store is instances["europe"].store is not obs.store
    assert instances["near"].store is obs.store
    traces = {
        region: obs.span(region, request_context={"region": region}) for region in ("eu", "europe", "near")
    }
    for span in traces.values():
        span.end()
    assert obs.flush()
    assert [len(instances[name].store.get_trace(span.trace_id)) for name, span in traces.items()] == [1, 1, 1]
    assert obs.shutdown()


def test_a_remembered_trace_is_forgotten_after_thousands(obs, eu, monkeypatch):
    """What is kept in mind of traces that were is bounded."""
    monkeypatch.setattr("mastra_observability.selection.REMEMBERED_TRACES", 2)
    spans = [obs.span(str(number), request_context={"region": "eu"}) for number in range(5)]
    for span in spans:
        span.end()
        obs.add_score("quality", 1, trace_id=span.trace_id)
    obs.flush()
    assert [score.trace_id for score in eu.scores] == [span.trace_id for span in spans[2:]]


async def test_options_of_a_remote_trace_do_not_choose(obs, home, eu):
    """Who calls from elsewhere says which trace it is, not where it is recorded."""
    options = TracingOptions(trace_id="1" * 32, parent_span_id="2" * 16)
    async with obs.span("order", options=options, request_context={"region": "eu"}):
        pass
    obs.flush()
    assert (eu.spans[0].trace_id, home.spans) == ("1" * 32, [])


def test_a_configuration_without_traces_has_its_logs(home, eu):
    """Signals are independent: what is logged and measured inside belongs to it all the same."""
    configs = {"eu": {"exporters": [eu], "tracing": False}}
    with Observability(exporters=[home], configs=configs, config_selector="region") as obs:
        counter = obs.metrics.counter("orders")
        with obs.span("order", request_context={"region": "eu"}), obs.span("inside"):
            obs.logger.info("inside")
            counter.add(1)
    assert (names(home), names(eu)) == (([], []), ([], ["inside"]))
    assert ([metric.name for metric in eu.metrics], home.metrics) == (["orders"], [])


def test_two_storages_do_not_share_a_spool(tmp_path):
    """What one left there would be taken over into the storage of the other, at the next start."""
    spool = {"type": "default", "spool": str(tmp_path)}
    table = {"type": "default", "spool": {"folder": str(tmp_path)}}
    for mine, yours in ((spool, DefaultExporter(spool=tmp_path)), (spool, spool), (table, spool)):
        with pytest.raises(ConfigurationError, match="of configuration `default`, which has another storage"):
            Observability(
                storage=InMemoryStore(),
                exporters=[mine],
                configs={"eu": {"exporters": [yours], "storage": "memory://"}},
                config_selector="region",
            )
    configs = {"eu": {"exporters": [table]}, "far": {"exporters": [], "storage": "memory://"}}
    kept = {"exporters": [spool], "configs": configs, "config_selector": "region"}
    assert Observability(storage=InMemoryStore(), **kept).shutdown()


def test_a_wrong_url_says_where_it_comes_from(monkeypatch):
    """Of a store that nobody installed, the variable is named."""
    monkeypatch.setenv("MASTRA_STORAGE_URL", "nosql://somewhere")
    for make in (Observability, Mastra):
        with pytest.raises(ConfigurationError, match="environment variable MASTRA_STORAGE_URL"):
            make()


def test_the_old_level_is_that_of_all_configurations(home, eu):
    """Where they say none themselves."""
    configs = {"eu": {"exporters": [eu]}, "loud": {"exporters": [], "log_level": "trace"}}
    with pytest.warns(DeprecationWarning, match="logger="):
        mastra = Mastra(
            logger="error",
            observability=ObservabilityConfig(exporters=[home], configs=configs, config_selector="region"),
        )
    levels = [one.config.log_level for one in mastra.observability.instances.values()]
    assert levels == ["error", "error", "trace"]
    assert mastra.observability.shutdown()


def test_what_was_made_before_a_configuration_that_is_wrong_is_released(home, eu):
    """No thread and no exporter of the others is left behind."""
    configs = {"eu": {"exporters": [eu]}, "wrong": {"exporters": ["nothing"]}}
    released, before = [], active()
    home.shutdown, eu.shutdown = (lambda: released.append("home")), (lambda: released.append("eu"))
    with pytest.raises(ConfigurationError, match=r"`observability\.configs\.wrong\.exporters\.0` names"):
        Observability(exporters=[home], configs=configs, config_selector="region")
    assert sorted(released) == ["eu", "home"]
    assert active() is before
