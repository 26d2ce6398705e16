"""What becomes of the values of a line: lifted, kept, cleaned, cut."""

import dataclasses
import json
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mastra_core.errors import InvalidQueryError, WriteRejectedError
from mastra_core.testing.strategies import INJECTIONS, KEYS, VALUES
from mastra_logging.line import LogLine
from mastra_logging.sql import SqlLogExporter, create_tables, read_logs
from mastra_logging.sql.opening import open_database
from mastra_logging.sql.rows import MAX_MESSAGE_CHARS, row_of


def row(**fields):
    """The row of a line with these fields."""
    return row_of(LogLine(1_000, "info", "app", "hello", fields))


def test_what_people_filter_by_is_lifted_out():
    """Ids, duration and tokens have columns, and are not written twice."""
    made = row(workflow_id="wf-1", step_id="draft", duration_ms=12, tokens_used=7, model="m")
    assert made.timestamp == datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
    assert (made.workflow_id, made.step_id, made.duration_ms, made.tokens_used) == ("wf-1", "draft", 12.0, 7)
    assert json.loads(made.fields) == {"model": "m"}


def test_tokens_in_and_out_are_added_up_and_kept():
    """Without a total the column has the sum; the parts stay to be read."""
    made = row(input_tokens=3, output_tokens=4)
    assert made.tokens_used == 7
    assert json.loads(made.fields) == {"input_tokens": 3, "output_tokens": 4}
    assert row(output_tokens=4).tokens_used == 4
    assert row(tokens_used=9, input_tokens=3).tokens_used == 9


def test_ids_that_are_no_texts_become_texts():
    """Numbers and UUIDs identify as well."""
    identity = uuid.uuid4()
    made = row(workflow_id=identity, step_id=7)
    assert (made.workflow_id, made.step_id, made.fields) == (str(identity), "7", "{}")


@pytest.mark.parametrize("value", [None, True, [1], {"a": 1}, object])
@pytest.mark.parametrize("key", ["workflow_id", "step_id", "duration_ms", "tokens_used"])
def test_what_does_not_fit_its_column_stays_a_field(key, value):
    """Nothing is thrown away because it has an unusual kind."""
    made = row(**{key: value})
    assert getattr(made, key) is None
    assert key in json.loads(made.fields)


@pytest.mark.parametrize("key", ["duration_ms", "tokens_used"])
@pytest.mark.parametrize("value", [2**70, -(2**70), float("nan"), float("inf"), "12"])
def test_numbers_beyond_the_column_stay_fields(key, value):
    """A number that no column holds does not make the row impossible."""
    made = row(**{key: value})
    assert getattr(made, key) is None
    assert key in json.loads(made.fields)


def test_what_is_too_large_is_cut_visibly():
    """A message says how much is missing, fields keep head and tail, an id is kept whole in the fields."""
    made = row_of(
        LogLine(0, "info", "app" * 100, "m" * 1_000_000, {"big": "x" * 10**6, "workflow_id": "w" * 999})
    )
    assert made.message.endswith(f"… <{1_000_000 - MAX_MESSAGE_CHARS} more characters>")
    assert json.loads(made.fields)["truncated"] is True
    assert len(made.fields) < 140_000
    assert made.workflow_id == "w" * 199 + "…"
    assert len(made.target) == 200
    assert json.loads(row(workflow_id="w" * 999).fields) == {"workflow_id": "w" * 999}


class Grumpy:
    """A value that answers no question."""

    def __repr__(self):
        raise RuntimeError("not today")

    __str__ = __repr__


@dataclasses.dataclass
class Point:
    """A value with a shape."""

    x: float


def hostile_values():
    """Values of every kind that a user may pass."""
    cycle = {}
    cycle["again"] = cycle
    deep = []
    for _ in range(5_000):
        deep = [deep]
    return [
        *(cycle, deep, b"\xff\0", {1, 2}, Point(float("nan")), ValueError("x"), Grumpy(), print),
        *(float("nan"), float("-inf"), 1e308, 5e-324, 10**4_000, 2**64, True, None),
        *("\0", "a\0b", "\\u0000", "\\\0", "\ud800", "😀", "\udc00\0", "x" * 10**6, ""),
        *({"k\0": 1, 2: 3, None: 4, "\ud800": 5}, INJECTIONS, KEYS),
    ]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_hostile_values_are_stored_like_others(database, open_exporter, line, balanced, mode):
    """In a message, in a field, in an id, under any key: every line arrives."""
    exporter = open_exporter(mode=mode)
    values = hostile_values()
    for value in values:
        exporter.write(line("field", value=value))
        if isinstance(value, str):
            exporter.write(line(value, workflow_id=value, step_id=value, logger=value, key=value))
            exporter.write(line("key", **{value: value}))
    assert exporter.flush()
    stats = balanced(exporter)
    assert stats.dropped == {}
    assert stats.stored == len(read_logs(database.url, limit=10_000)) == stats.accepted


def test_nul_characters_are_made_visible(database, open_exporter, line):
    """What PostgreSQL cannot store is replaced, and what only looks like it is not."""
    exporter = open_exporter()
    exporter.write(
        line("a\0b", workflow_id="w\0", text="\0", nested={"k\0": ["\\u0000", "\\\0", "\\\\u0000"]})
    )
    assert exporter.flush()
    (event,) = read_logs(database.url)
    assert (event.message, event.workflow_id) == ("a␀b", "w␀")
    assert event.fields == {"text": "␀", "nested": {"k␀": ["\\u0000", "\\␀", "\\\\u0000"]}}


def test_a_value_that_raises_loses_its_line_alone(database, open_exporter, line, messages, balanced, caplog):
    """A message that cannot be turned into text is counted and told once."""
    exporter = open_exporter()
    exporter.write(line("before"))
    exporter.write(line(Grumpy()))
    exporter.write(line(Grumpy()))
    exporter.write(LogLine(2**80, "info", "app", "beyond the calendar"))
    exporter.write(line("after"))
    assert exporter.flush()
    assert messages() == ["before", "after"]
    assert balanced(exporter).dropped == {"invalid": 3}
    assert [record.getMessage()[:31] for record in caplog.records] == ["A log line could not be stored:"]


@pytest.fixture(scope="module")
def exporters(tmp_path_factory, postgres_server):
    """An exporter into each kind of database, for many examples."""
    postgres_server.start()
    urls = [f"sqlite:///{tmp_path_factory.mktemp('sql')}/logs.db", postgres_server.url]
    made = [SqlLogExporter(url) for url in urls]
    yield made
    for exporter in made:
        exporter.close()


@given(message=st.text(), fields=st.dictionaries(st.sampled_from(KEYS) | st.text(), VALUES, max_size=4))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_line_can_be_read_back(exporters, message, fields):
    """Whatever the text and the fields, both databases store the line and give the same one back."""
    for exporter in exporters:
        identity = uuid.uuid4().hex
        exporter.write(LogLine(1_000_000, "warn", "app", message, {**fields, "workflow_id": identity}))
        assert exporter.flush()
        (event,) = read_logs(exporter.config.url, workflow_id=identity)
        assert event.message == message.replace("\0", "␀")
        assert event.fields.keys() == {key.replace("\0", "␀") for key in fields}
        for key, value in fields.items():
            if isinstance(value, str):
                assert event.fields[key.replace("\0", "␀")] == value.replace("\0", "␀")


def test_lines_are_found_by_each_filter(database, open_exporter):
    """By workflow, step, level and time, in order of time, the window half-open, up to the limit."""
    exporter = open_exporter(mode="sync")
    for number in (5, 1, 3, 2, 4):
        fields = {"workflow_id": f"wf-{number % 2}", "step_id": f"s-{number}"}
        level = "error" if number == 3 else "info"
        exporter.write(LogLine(number * 1_000_000_001_000, level, "app", str(number), fields))
    assert exporter.flush()
    at = [datetime.fromtimestamp(1_000 * number, UTC).replace(microsecond=number) for number in range(6)]

    def found(**query):
        return [event.message for event in read_logs(database.url, **query)]

    assert found() == ["1", "2", "3", "4", "5"]
    assert found(workflow_id="wf-1") == ["1", "3", "5"]
    assert found(workflow_id="wf-1", step_id="s-3") == ["3"]
    assert found(level="error") == ["3"]
    assert found(level=["error", "info"], limit=2) == ["1", "2"]
    assert found(since=at[2], until=at[4]) == ["2", "3"]
    assert found(since=at[5].replace(tzinfo=None)) == ["5"]
    assert read_logs(database.url, limit=1)[0].timestamp == at[1]


@pytest.mark.parametrize("query", [{"level": "loud"}, {"level": ["info", "loud"]}, {"limit": 0}])
def test_questions_without_a_meaning_are_refused(query):
    """A level that does not exist and a limit below one are errors, not empty answers."""
    with pytest.raises(InvalidQueryError, match=next(iter(query))):
        read_logs("sqlite:///nowhere.db", **query)


def test_fields_that_somebody_else_wrote_do_not_stop_the_reading(tmp_path):
    """JSON that is none is given back as what it is."""
    import msgspec

    exporter = SqlLogExporter(f"sqlite:///{tmp_path}/logs.db")
    exporter.write(LogLine(0, "info", "app", "hello", {"raw": msgspec.Raw(b"{broken")}))
    exporter.close()
    (event,) = read_logs(exporter.config.url)
    assert event.fields == {"unreadable": '{"raw":{broken}'}


UNFIT = [
    {"message": "\ud800"},
    {"tokens_used": 2**70},
    {"target": object()},
    {"level": None},
    {"timestamp": "x"},
]


@pytest.mark.parametrize("change", UNFIT)
def test_whatever_a_driver_refuses_is_a_rejected_row(database, change):
    """A value that slipped through is known as one that will never be stored, not as a database away."""
    create_tables(database.url)
    opened = open_database(database.url)
    row = row_of(LogLine(0, "info", "app", "hello", {}))
    with pytest.raises(WriteRejectedError):
        opened.insert([row, row._replace(**change)])
    opened.insert([row])
    opened.close()
    assert len(read_logs(database.url)) == 1
