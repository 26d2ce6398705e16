"""Options of the built-in exporters: what is wrong is refused where the exporter is made."""

import io
import math

import numpy as np
import pytest

from mastra_core.errors import ConfigurationError
from mastra_core.storage import InMemoryStore
from mastra_observability import ConsoleExporter, DefaultExporter, JsonExporter, Observability, TestExporter
from mastra_observability.exporters.options import to_whole

NO_WHOLE = [None, "5", b"5", 2.5, True, math.nan, math.inf, [1], -1, object()]
NO_SECONDS = [None, "0.5", True, math.nan, math.inf, -math.inf, -0.1, [1]]
NO_FLAG = [None, "no", "", 0, 1, [], math.nan]


def _table(*rows):
    return [
        pytest.param(kind, name, value, id=f"{kind.__name__}.{name}={value!r:.20}")
        for kind, name, values in rows
        for value in values
    ]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    _table(
        (DefaultExporter, "store", ["duckdb://:memory:", 5, object(), {}]),
        (DefaultExporter, "batch_size", [*NO_WHOLE, 0]),
        (DefaultExporter, "flush_interval_s", NO_SECONDS),
        (DefaultExporter, "log_level", ["loud", 5, ""]),
        (DefaultExporter, "spool", ["", " ", 5, True, {"folder": 5}, {"foldr": "x"}, ["x"]]),
        (JsonExporter, "target", [5, True, [], b"x", io.BytesIO, "a\0b"]),
        (JsonExporter, "max_bytes", [*NO_WHOLE[1:], 0]),
        (JsonExporter, "backups", NO_WHOLE),
        (JsonExporter, "log_level", ["loud", 5, ""]),
        (ConsoleExporter, "stream", ["", "stdlog", 5, True, [], io.StringIO, object()]),
        (ConsoleExporter, "colors", NO_FLAG[1:]),
        *((ConsoleExporter, f"show_{what}", NO_FLAG) for what in ("payloads", "metrics", "derived_metrics")),
        (ConsoleExporter, "show_bridged", NO_FLAG),
        (ConsoleExporter, "max_width", [*NO_WHOLE[1:], 59]),
        (ConsoleExporter, "log_level", ["loud", 5, ""]),
        (TestExporter, "log_level", ["loud", 5, ""]),
    ),
)
def test_a_wrong_option_is_refused_by_its_name(kind, name, value):
    """The error names the option, and no other error is raised, at once or later."""
    with pytest.raises(ConfigurationError, match=f"`{name}|`spool"):
        kind(**{name: value})


@pytest.mark.parametrize("value", [200, 200.0, np.int64(200)])
def test_a_whole_number_of_any_kind_is_an_option(value):
    """It is kept as an `int`, as settings keep it: files are rotated, and lines cut, at that very number."""
    kept = to_whole(value, 1, "`size`")
    assert (kept, type(kept)) == (200, int)


def test_exporters_go_on_with_whole_numbers_of_any_kind(tmp_path):
    """A file is rotated at the size that was said, into as many backups."""
    exporter = JsonExporter(tmp_path / "a.jsonl", max_bytes=1.0, backups=np.int64(2))
    with Observability(exporters=[exporter, ConsoleExporter(io.StringIO(), max_width=80.0)]) as instance:
        for name in "abcd":
            with instance.span(name):
                pass
            instance.flush()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "a.jsonl.1", "a.jsonl.2"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (lambda: Observability("duckdb:///t.duckdb"), "write storage=… for a store or its URL"),
        (lambda: Observability({"service_name": "x"}), "give settings by name"),
        (lambda: Observability(clock=5), "`clock` of Observability must be a function"),
        (lambda: Observability(ids=5), "`ids` of Observability must have the methods trace_id"),
    ],
)
def test_an_instance_refuses_what_it_cannot_use(given, says):
    """A URL in the place of the settings is what a newcomer writes; he is told where it belongs."""
    with pytest.raises(ConfigurationError, match=says):
        given()


def test_a_store_may_be_a_wrapper_of_one():
    """One that has its methods by `__getattr__` is a store as well, on every Python."""

    class Wrapper:
        def __init__(self, store):
            self._store = store

        def __getattr__(self, name):
            return getattr(self._store, name)

    inner = InMemoryStore()
    obs = Observability(service_name="t", exporters=[DefaultExporter(Wrapper(inner))])
    with obs.span("work"):
        pass
    obs.shutdown()
    assert [trace.name for trace in inner.list_traces().items] == ["work"]
