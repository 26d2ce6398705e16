"""Exporters that are named in settings: in a file, a variable, or in code."""

import json
from io import StringIO

import pytest

from mastra_core import ConfigurationError
from mastra_observability import BaseExporter, ConsoleExporter, DefaultExporter, JsonExporter, Observability
from mastra_observability.exporters.named import make_exporter


class Own(BaseExporter):
    """One of a user's own, found by its path."""

    seen: list[str] = []  # noqa: RUF012  # shared on purpose: the test has no instance at hand

    def __init__(self, size: int = 1, **options):
        self.size = size
        self.options = options

    def on_tracing_event(self, event):
        self.seen.append(event.span.name)


def refusal(setting):
    """What a setting is refused with."""
    with pytest.raises(ConfigurationError) as refused:
        make_exporter(setting, 0)
    return str(refused.value)


def test_names_stand_for_exporters(tmp_path):
    """A name makes one without options, a table one with them, and an object stands for itself."""
    assert isinstance(make_exporter("console", 0), ConsoleExporter)
    assert make_exporter({"type": "default", "batch_size": 7}, 0).batch_size == 7
    assert isinstance(make_exporter("default", 0), DefaultExporter)
    assert isinstance(make_exporter({"type": "json", "target": str(tmp_path / "x")}, 0), JsonExporter)
    own = Own()
    assert make_exporter(own, 0) is own


def test_a_class_is_named_by_its_path():
    """Without being installed as a package's; options go to it by name."""
    made = make_exporter({"type": f"{__name__}:Own", "size": 3, "more": True}, 0)
    assert (type(made), made.size, made.options) == (Own, 3, {"more": True})


def test_an_installed_package_offers_its_exporters(tmp_path, monkeypatch):
    """Through the entry-point group `mastra.exporters`."""
    info = tmp_path / "shop-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[mastra.exporters]\nshop = {__name__}:Own\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert isinstance(make_exporter("shop", 0), Own)
    assert "Installed are: console, default, json, shop" in refusal("nothing")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("consol", "`observability.exporters.0` names no exporter, got 'consol', did you mean `console`?"),
        (
            {"type": "json", "targt": "x"},
            "`observability.exporters.0.targt` does not exist, did you mean `target`?",
        ),
        (
            {"type": "json", "max_bytes": "many"},
            "`observability.exporters.0.max_bytes`: Input should be a valid",
        ),
        (
            {"type": "json", "backups": -1},
            "Field `backups` of JsonExporter must be a whole number, 0 or",
        ),
        (
            {"type": "console", "colors": "yes"},
            "`observability.exporters.0.colors`: Input should be a valid boo",
        ),
        ({"type": "console", "stream": "stdlog"}, "should be 'stdout' or 'stderr', got 'stdlog'"),
        ("no.such:Exporter", "'no.such:Exporter' cannot be loaded: ModuleNotFoundError"),
        ("sys:Exporter", "cannot be loaded: AttributeError"),
        ("sys:path", "must name a class of exporters, 'sys:path' is"),
        ({"type": "builtins:int", "x": 1}, "the exporter cannot be made: TypeError"),
    ],
)
def test_what_is_no_exporter_is_refused(setting, says):
    """The error says which one, what was got, and what exists."""
    assert says in refusal(setting)


def test_a_variable_names_exporters(monkeypatch, capsys, tmp_path):
    """A program that says nothing of exporters is told by whoever starts it where its signals go."""
    path = tmp_path / "events.jsonl"
    exporters = ["console", {"type": "json", "target": str(path)}, f"{__name__}:Own"]
    monkeypatch.setenv("MASTRA_OBSERVABILITY_EXPORTERS", json.dumps(exporters))
    Own.seen.clear()
    with Observability() as obs, obs.span("work"):
        pass
    assert "work" in capsys.readouterr().out
    assert "work" in path.read_text()
    assert Own.seen == ["work"]


def test_a_wrong_name_says_where_it_comes_from(monkeypatch):
    """The error of an exporter names the variable it was named in."""
    monkeypatch.setenv("MASTRA_OBSERVABILITY_EXPORTERS", "consol")
    with pytest.raises(ConfigurationError, match="environment variable MASTRA_OBSERVABILITY_EXPORTERS"):
        Observability()


def test_the_console_may_be_the_standard_error(capsys):
    """By its name, for what it is at the time."""
    with Observability(exporters=[{"type": "console", "stream": "stderr"}]) as obs, obs.span("work"):
        pass
    captured = capsys.readouterr()
    assert ("work" in captured.err, captured.out) == (True, "")
    with pytest.raises(ConfigurationError, match="'stdout', 'stderr' or a stream, got 'stdlog'"):
        ConsoleExporter("stdlog")
    assert isinstance(make_exporter({"type": "console", "stream": StringIO()}, 0), ConsoleExporter)
