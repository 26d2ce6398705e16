"""Levels: of the instance, of exporters, and both while they change."""

import io

import pytest

from mastra_core import Mastra, ObservabilityConfig
from mastra_core.errors import ConfigurationError
from mastra_core.signals.log import LOG_LEVELS, LogLevel
from mastra_observability import BaseExporter, ConsoleExporter, DefaultExporter, JsonExporter, TestExporter

WORDS = list(LOG_LEVELS)


def say_all(obs):
    """One line a level, said by both ways to say it."""
    for word in WORDS:
        getattr(obs.logger, word)(word)
        obs.logger.log(word, word)
    assert obs.flush()


def heard(exporter):
    """The levels that arrived."""
    return [line.level for line in exporter.logs]


def from_level(word):
    """What `say_all` says of this weight and more."""
    return [one for one in WORDS[WORDS.index(word) :] for _ in range(2)]


@pytest.mark.parametrize("level", [*WORDS, None])
def test_lines_below_the_root_level_are_not_recorded(make, level):
    """Without a level it is `info`; what is recorded is what the logger says is enabled."""
    exporter = TestExporter()
    obs = make(exporters=[exporter], log_level=level)
    say_all(obs)
    assert heard(exporter) == from_level(level or "info")
    assert [word for word in WORDS if obs.logger.is_enabled(word)] == WORDS[WORDS.index(level or "info") :]
    assert obs.logger.is_enabled(LogLevel.FATAL)


def test_the_level_changes_at_run_time_for_every_logger(make):
    """Also for one that was handed out before."""
    exporter = TestExporter()
    obs = make(exporters=[exporter])
    with obs.span("work") as work:
        logger = obs.context(work).logger
        for level in ("error", LogLevel.DEBUG, "fatal", "trace"):
            obs.set_log_level(level)
            exporter.clear()
            for word in WORDS:
                getattr(logger, word)(word)
            assert obs.flush()
            word = level if isinstance(level, str) else level.word
            assert heard(exporter) == WORDS[WORDS.index(word) :]


@pytest.mark.parametrize("root", WORDS)
@pytest.mark.parametrize("own", [*WORDS, None])
def test_an_exporter_may_be_stricter_and_never_looser(make, root, own, caplog):
    """It gets the heavier of both; wanting more than is recorded is warned of, once, at construction."""
    exporter, other = TestExporter(log_level=own), TestExporter()
    obs = make(exporters=[exporter, other], log_level=root)
    say_all(obs)
    assert heard(other) == from_level(root)
    assert heard(exporter) == from_level(max(root, own or root, key=WORDS.index))
    is_looser = own is not None and WORDS.index(own) < WORDS.index(root)
    warned = [record for record in caplog.records if record.name == "mastra.observability"]
    assert len(warned) == is_looser
    if is_looser:
        assert "TestExporter" in warned[0].getMessage()
        assert own in warned[0].getMessage()


def test_an_exporter_without_a_level_follows_the_root(make):
    """One that was given its own keeps it, as far as it is the stricter one."""
    own, following = TestExporter(log_level="warn"), TestExporter()
    obs = make(exporters=[own, following], log_level="info")
    for level, strict, loose in [("trace", "warn", "trace"), ("error", "error", "error")]:
        obs.set_log_level(level)
        say_all(obs)
        assert (heard(own), heard(following)) == (from_level(strict), from_level(loose))
        own.clear()
        following.clear()


def test_what_no_exporter_takes_is_not_made(make):
    """Where every exporter is stricter than the root, or has no handler for logs, nothing is queued."""

    class SpansOnly(BaseExporter):
        def on_tracing_event(self, event):
            """Spans."""

    obs = make(exporters=[TestExporter(log_level="error"), SpansOnly()], log_level="debug")
    assert not obs.logger.is_enabled("warn")
    obs.logger.warn("to nobody")
    assert obs.stats()["queued"] == 0
    obs = make(exporters=[SpansOnly()])
    assert not obs.logger.is_enabled("fatal")
    obs.logger.fatal("to nobody")
    assert obs.stats()["queued"] == 0


def test_a_processor_sees_what_the_root_lets_through(make):
    """Also lines that no exporter wants: it may have a use for them."""
    seen = []

    class Spy:
        def process(self, event):
            seen.append(event.log.level)
            return event

    obs = make(exporters=[TestExporter(log_level="fatal")], processors=[Spy()], log_level="info")
    say_all(obs)
    assert seen == from_level("info")


def test_leaving_out_is_no_loss(make):
    """What an exporter did not want is neither accepted nor dropped."""
    exporter = TestExporter(log_level="error")
    obs = make(exporters=[exporter, TestExporter()], log_level="info")
    say_all(obs)
    assert obs.stats()["dropped"] == []
    assert obs.stats()["exporters"]["TestExporter"]["accepted"] == {"logs": 4}


class Custom(BaseExporter):
    """Says its level on the class."""

    log_level = "error"

    def __init__(self):
        self.levels = []

    def on_log_event(self, event):
        self.levels.append(event.log.level)


class Foreign:
    """Inherits from nothing of ours."""

    log_level = "error"

    def __init__(self):
        self.levels = []

    def on_log_event(self, event):
        self.levels.append(event.log.level)


@pytest.mark.parametrize("kind", [Custom, Foreign])
def test_an_exporter_of_a_users_own_has_a_level_too(make, kind):
    """As an attribute, of the class or of the object."""
    exporter = kind()
    say_all(make(exporters=[exporter]))
    assert exporter.levels == from_level("error")


MAKERS = {
    "TestExporter": TestExporter,
    "ConsoleExporter": lambda **given: ConsoleExporter(io.StringIO(), **given),
    "JsonExporter": lambda **given: JsonExporter(io.StringIO(), **given),
    "DefaultExporter": DefaultExporter,
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_exporter_takes_a_level(name):
    """It is kept as the level it stands for."""
    assert MAKERS[name](log_level="warn").log_level is LogLevel.WARN
    assert MAKERS[name]().log_level is None


@pytest.mark.parametrize("bad", ["loud", "", "INFO", 17, True, b"info"])
@pytest.mark.parametrize("name", MAKERS)
def test_an_unknown_level_is_refused_at_construction(name, bad):
    """The error names the field, the value and what is allowed."""
    with pytest.raises(ConfigurationError) as caught:
        MAKERS[name](log_level=bad)
    message = str(caught.value)
    assert f"`log_level` of {name}" in message
    assert repr(bad) in message
    assert "trace, debug, info, warn, error, fatal" in message


def test_an_unknown_level_is_refused_everywhere_else(make):
    """For the root, at run time, and for an exporter of a user's own."""
    with pytest.raises(ConfigurationError, match=r"`observability.log_level` must be .*'loud'"):
        make(log_level="loud")
    obs = make()
    with pytest.raises(ConfigurationError, match=r"`log_level` must be one of trace,.*'loud'"):
        obs.set_log_level("loud")
    assert obs.logger.is_enabled("info")
    exporter = Custom()
    exporter.log_level = "loud"
    with pytest.raises(ConfigurationError, match=r"`log_level` of Custom must be one of trace,.*'loud'"):
        make(exporters=[exporter])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_old_logger_option_becomes_the_root_level():
    """Unless the settings say one themselves."""
    exporter = TestExporter()
    mastra = Mastra(logger="error", observability=ObservabilityConfig(exporters=[exporter]))
    say_all(mastra.observability)
    assert heard(exporter) == from_level("error")
    mastra.observability.set_log_level("debug")
    exporter.clear()
    say_all(mastra.observability)
    assert heard(exporter) == from_level("debug")
    mastra.observability.shutdown()
    exporter = TestExporter()
    mastra = Mastra(logger="error", observability=ObservabilityConfig(exporters=[exporter], log_level="warn"))
    say_all(mastra.observability)
    assert heard(exporter) == from_level("warn")
    mastra.observability.shutdown()
