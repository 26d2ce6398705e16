"""Whatever the store, the demo says and leaves the same."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from clickhouse_databases import serving_databases
from clickhouse_server import ClickHouseMissingError

DEMO = Path(__file__).parent.parent / "examples" / "critique_revise"


@pytest.fixture(scope="module")
def urls(tmp_path_factory):
    """A store of each kind."""
    folder = tmp_path_factory.mktemp("stores")
    try:
        with serving_databases() as databases:
            yield {
                "duckdb": f"duckdb:///{folder / 'demo.duckdb'}",
                "chdb": f"chdb:///{folder / 'demo.chdb'}",
                "clickhouse": databases.url(folder),
            }
            databases.drop()
    except ClickHouseMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def duckdb_said(urls):
    """What the demo says with DuckDB, and what is in the file."""
    return run_demo(urls["duckdb"]), found(urls["duckdb"])


def run_demo(url):
    """The demo's output, without what differs from run to run, and without the questions to DuckDB."""
    done = subprocess.run(
        [sys.executable, DEMO, "--store", url], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    log, _, report = done.stdout.rpartition("Read back from ")
    tree = report.partition("\nAsk the database yourself:")[0].partition(":\n")[2]
    return Counter(map(_plain, log.splitlines())), [_plain(line) for line in tree.strip().splitlines()]


def _plain(line):
    for pattern in (
        r"\d\d:\d\d:\d\d\.\d+",
        r"\b[0-9a-f]{32}\b",
        r"trace=\w+",
        r"wait_ms=[\d.]+",
        r"[\d.]+ (?:ms|s|µs)\b",
        r"[ ─]+",
    ):
        line = re.sub(pattern, " ", line)
    return line.strip()


LOOK = """
import sys
from mastra_core.storage import LogQuery, MetricQuery, open_store
store = open_store(sys.argv[1])
(trace,) = store.list_traces().items
print(trace.name, trace.status, trace.has_child_error, trace.tags, trace.metadata)
for span in sorted(map(str, ((s.name, s.span_type, s.status, s.input_tokens, s.tags)
                             for s in store.get_trace(trace.trace_id)))):
    print("span", span)
for log in sorted(store.list_logs(LogQuery(limit=1_000)).items, key=lambda log: (log.message, log.level)):
    print("log", log.level, log.message, sorted(log.data or ()))
for one in sorted(map(str, ((m.name, sorted(m.labels.items()))
                            for m in store.list_metrics(MetricQuery(limit=1_000)).items))):
    print("metric", one)
print(store.list_entity_names().items, store.list_tags().items, store.list_metric_names().items)
store.close()
"""


def found(url):
    """What is in the store afterwards, as far as it is the same in every run.

    Read by a process of its own, as a process has one embedded engine, of one folder.
    """
    done = subprocess.run(
        [sys.executable, "-c", LOOK, url], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.one_python
@pytest.mark.parametrize("kind", ["chdb", "clickhouse"])
def test_the_demo_is_the_same_with_clickhouse(kind, urls, duckdb_said):
    """On a server and embedded, the demo says what it says with DuckDB, and the same can be found."""
    (log, tree), left = duckdb_said
    said = run_demo(urls[kind])
    assert said == (log, tree)
    assert found(urls[kind]) == left
    assert len(tree) > 60
    assert len(left) > 200
