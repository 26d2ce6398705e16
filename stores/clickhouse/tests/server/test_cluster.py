"""Tables on replicas and shards: their DDL, as it is sent, and which tables are taken for ours."""

import os
from pathlib import Path

import pytest

from clickhouse_server import ClickHouseMissingError, ClickHouseServer
from mastra_clickhouse.cluster import addressed, is_same_engine, shard_settings, stored_name
from mastra_clickhouse.config import Options
from mastra_clickhouse.schema import TABLES, ddl
from mastra_core.errors import ConfigurationError

GOLDEN = Path(__file__).parent / "ddl"
CLUSTER = "telemetry"
PLACES = {
    "single": Options(),
    "replicated": Options(cluster=CLUSTER, replicated=True),
    "sharded": Options(cluster=CLUSTER, distributed=True),
    "sharded_and_replicated": Options(cluster=CLUSTER, replicated=True, distributed=True),
    "everything_set": Options(
        database="traces",
        cluster="my-cluster",
        replicated=True,
        replica_path="/tables/{shard}/{database}/{table}",
        replica_name="{host}",
        distributed=True,
        sharding_key="cityHash64(organization_id)",
        storage_policy="hot_and_cold",
        partition="month",
        retention_spans_days=7,
        retention_logs_days=None,
        retention_metrics_days=365,
        retention_scores_days=90,
        retention_feedback_days=91,
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_tables_are_those_that_were_reviewed(place):
    """Every statement is as it stands in the file beside this one.

    After a change that is meant: `MASTRA_WRITE_GOLDEN=1 pytest …`, and read the difference.
    """
    statements = ddl(PLACES[place])
    text = ";\n\n".join(statements) + ";\n"
    file = GOLDEN / f"{place}.sql"
    if os.environ.get("MASTRA_WRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    assert file.read_text("utf-8") == text


@pytest.mark.parametrize("place", PLACES)
def test_the_engine_reads_every_statement(place, databases):
    """The engine's own parser takes each, also those that our test server cannot run."""
    for statement in ddl(PLACES[place]):
        text = statement.replace("\\", "\\\\").replace("'", "\\'")
        assert databases.server.query(f"SELECT formatQuerySingleLine('{text}')").startswith("CREATE ")


@pytest.fixture
def keeping():
    """A server with a keeper inside that is made for tests: it makes replicated tables, but takes no rows."""
    itself = "<shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>"
    config = f"""<zookeeper><implementation>testkeeper</implementation></zookeeper>
<remote_servers><{CLUSTER}>{itself}</{CLUSTER}></remote_servers>"""
    try:
        with ClickHouseServer(config=config, macros={"shard": "0", "replica": "a"}) as server:
            yield server
    except ClickHouseMissingError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("place", ["replicated", "sharded_and_replicated"])
def test_the_engine_makes_replicated_tables(place, keeping):
    """Settings, arguments of engines, sorting keys and views are right together, on one of the servers."""
    for statement in ddl(PLACES[place]):
        keeping.query(statement.replace(f" ON CLUSTER `{CLUSTER}`", ""))
    made = keeping.query("SELECT name, engine FROM system.tables WHERE database = 'default'")
    engines = dict(line.split("\t") for line in made.split("\n"))
    for name in TABLES:
        assert engines[stored_name(PLACES[place], name)] == "ReplicatedReplacingMergeTree"


def test_changes_go_to_the_stored_tables_of_all_servers():
    """A deletion is sent to every server; what reads or inserts stays as it is."""
    sharded, replicated = PLACES["sharded"], PLACES["replicated"]
    delete, read = "DELETE FROM mastra_ai_logs WHERE 1", "SELECT 1 FROM mastra_ai_logs"
    assert addressed(sharded, delete) == "DELETE FROM mastra_ai_logs_local ON CLUSTER `telemetry` WHERE 1"
    assert addressed(replicated, delete) == "DELETE FROM mastra_ai_logs ON CLUSTER `telemetry` WHERE 1"
    assert addressed(Options(), delete) == delete
    for options in (Options(), sharded, replicated):
        assert addressed(options, read) == read
        assert addressed(options, f"INSERT INTO t {read}") == f"INSERT INTO t {read}"
    for change in ("TRUNCATE TABLE t", "ALTER TABLE t DROP COLUMN a", "OPTIMIZE TABLE t FINAL"):
        assert " t_local ON CLUSTER `telemetry`" in addressed(sharded, change)


def test_an_insert_through_shards_is_acknowledged_when_it_is_stored():
    """No row waits on a server's disk to be sent on after the store said that it has it."""
    assert shard_settings(PLACES["sharded"])["distributed_foreground_insert"] == 1
    assert shard_settings(PLACES["sharded"])["skip_unavailable_shards"] == 0
    assert shard_settings(PLACES["replicated"]) == {}


@pytest.mark.parametrize(
    ("found", "is_ours"),
    [
        ("ReplacingMergeTree", True),
        ("ReplicatedReplacingMergeTree", True),
        ("SharedReplacingMergeTree", True),
        ("Distributed", True),
        ("MergeTree", False),
        ("SharedMergeTree", False),
        ("Memory", False),
        ("SharedSet", False),
    ],
)
def test_engines_that_clouds_rewrite_are_ours(found, is_ours):
    """`Replicated…` and `Shared…` do what was asked for; a family that counts differently does not."""
    assert is_same_engine("ReplacingMergeTree", found) is is_ours
    assert is_same_engine("ReplicatedReplacingMergeTree", found) is is_ours


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"distributed": True}, "`cluster` must name the shards"),
        ({"cluster": " "}, "`cluster` must be the name"),
        ({"cluster": "c", "path": ":memory:"}, "are for servers"),
        ({"replicated": True, "path": ":memory:"}, "are for servers"),
        ({"replica_path": ""}, "`replica_path` must be a path"),
        ({"sharding_key": ""}, "`sharding_key` must be an expression"),
    ],
)
def test_what_cannot_be_is_refused(options, said):
    """Options that do not go together are refused when they are given."""
    with pytest.raises(ConfigurationError, match=said):
        Options(**options)
