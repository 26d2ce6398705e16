"""At the start: what is created, and what cannot be used is refused."""

import os
import subprocess
import sys

import pytest
import sqlalchemy as sa

from mastra_core.errors import ConfigurationError, SchemaMismatchError, StoreUnavailableError
from mastra_logging.sql import SqlLogExporter, create_tables, read_logs
from postgres_server import URL_PASSWORD

COLUMNS = {
    *("id", "timestamp", "level", "target", "message"),
    *("workflow_id", "step_id", "fields", "duration_ms", "tokens_used"),
}


def engine_of(database):
    """An engine as a user would make it."""
    return sa.create_engine(database.url.replace("postgresql:", "postgresql+psycopg:"))


def test_the_table_has_its_columns_and_indexes(database):
    """One call creates all of it, and a second one changes nothing."""
    engine = engine_of(database)
    create_tables(database.url)
    create_tables(engine)
    inspector = sa.inspect(engine)
    assert {column["name"] for column in inspector.get_columns("log_events")} == COLUMNS
    indexed = [index["column_names"] for index in inspector.get_indexes("log_events")]
    assert sorted(indexed) == [["level"], ["timestamp"], ["workflow_id"]]
    engine.dispose()


def test_a_missing_index_is_made_good(database):
    """What a creation that was interrupted left out is created by the next one."""
    create_tables(database.url)
    database.run("DROP INDEX ix_log_events_level")
    create_tables(database.url)
    database.run("DROP INDEX ix_log_events_level")


def test_an_engine_of_the_users_is_used_and_left_open(database, open_exporter, line):
    """Both calls take an engine in the place of a URL."""
    exporter = open_exporter()
    exporter.write(line("hello", key="value"))
    assert exporter.flush()
    engine = engine_of(database)
    create_tables(engine)
    with engine.connect() as connection:
        assert read_logs(engine)[0].fields == {"key": "value"}
        assert not connection.closed
    engine.dispose()


CREATOR = """
import sys
from mastra_logging.sql.opening import open_database
database = open_database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
database.create_tables()
database.close()
"""


def test_programs_may_create_at_the_same_time(database):
    """Of several processes that create the table at once none fails, and all of it is there."""
    url = database.url.removesuffix("?timeout=0.05")  # of several, one waits for the others
    command = [sys.executable, "-c", CREATOR, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    programs = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for program in programs:
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        program.stdin.write("go\n")
        program.stdin.flush()
    said = [program.communicate(timeout=120)[1] for program in programs]
    assert [program.returncode for program in programs] == [0] * 3, said
    engine = engine_of(database)
    assert len(sa.inspect(engine).get_indexes("log_events")) == 3
    engine.dispose()


def test_another_table_of_this_name_is_not_touched(database):
    """A table `log_events` of somebody else's is named with what it lacks."""
    database.run("CREATE TABLE log_events (id INTEGER, message TEXT)")
    with pytest.raises(SchemaMismatchError, match="lacks: timestamp, level"):
        create_tables(database.url)
    with pytest.raises(ConfigurationError, match=r"sql_exporter\.url.*lacks: timestamp, level"):
        SqlLogExporter(database.url)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_database_that_is_away_is_refused_at_the_start(database, open_exporter, mode):
    """The error names the setting and the URL, and not the password."""
    create_tables(database.url)
    database.stop()
    with pytest.raises(ConfigurationError, match=r"`logging\.sql_exporter\.url`") as caught:
        open_exporter(mode=mode)
    assert database.url.split("@")[-1] in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_reading_what_is_away_says_so(database):
    """A database without the table is a fault that may pass, for whoever reads."""
    with pytest.raises(StoreUnavailableError, match="log_events"):
        read_logs(database.url)


def test_a_wrong_password_is_refused_and_not_repeated(postgres):
    """The server's answer is told; the password that was tried is not."""
    with pytest.raises(ConfigurationError, match="authentication failed") as caught:
        SqlLogExporter(postgres.url.replace("s3cret", "s4cret"))
    assert "s4cret" not in str(caught.value)


def test_a_user_without_the_right_to_write_is_refused(postgres):
    """Who may read the table but not write to it learns it at the start, and can read."""
    create_tables(postgres.url)
    postgres.run("CREATE USER reader PASSWORD 'reader'")
    postgres.run("GRANT SELECT ON log_events TO reader")
    url = postgres.url.replace(f"logs:{URL_PASSWORD}@", "reader:reader@")
    try:
        create_tables(url)
        with pytest.raises(ConfigurationError, match="permission denied"):
            SqlLogExporter(url)
        assert read_logs(url) == []
    finally:
        postgres.run("DROP OWNED BY reader; DROP USER reader")


@pytest.mark.parametrize("where", ["missing/logs.db", "folder.db", "frozen.db?mode=ro&uri=true"])
def test_a_file_that_cannot_be_written_is_refused(tmp_path, where):
    """A folder that is not there, a folder in the place of the file, and a file that is read-only."""
    (tmp_path / "folder.db").mkdir()
    create_tables(f"sqlite:///{tmp_path}/frozen.db")
    prefix = "file:" if "uri=true" in where else ""
    with pytest.raises(ConfigurationError, match=r"`logging\.sql_exporter\.url`: logs cannot be written to"):
        SqlLogExporter(f"sqlite:///{prefix}{tmp_path}/{where}")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everything")
def test_a_file_without_the_right_to_write_is_refused(tmp_path):
    """The rights of the file system count."""
    path = tmp_path / "logs.db"
    create_tables(f"sqlite:///{path}")
    path.chmod(0o400)
    with pytest.raises(ConfigurationError, match="readonly"):
        SqlLogExporter(f"sqlite:///{path}")


PROGRAM = """
import sys
sys.modules["{module}"] = None  # as if it were not installed
from mastra_logging.sql import SqlExporterConfig, SqlLogExporter
config = SqlExporterConfig(url="{url}")
assert "sqlalchemy" not in sys.modules or sys.modules["sqlalchemy"] is None
try:
    SqlLogExporter(config)
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("module", "url", "command"),
    [
        ("sqlalchemy", "sqlite:///logs.db", "pip install 'mastra-logging[sql]'"),
        ("psycopg", "postgresql://u:secret@h/db", "pip install 'mastra-logging[postgresql]'"),
    ],
)
def test_a_missing_package_is_asked_for(module, url, command, tmp_path):
    """A config can be made without SQLAlchemy; the exporter says what to install."""
    program = PROGRAM.format(module=module, url=url)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.startswith("ConfigurationError"), done.stderr
    assert command in done.stdout
    assert "secret" not in done.stdout


def test_without_sqlalchemy_every_door_says_what_to_install(monkeypatch):
    """Exporter, creation and reading give the same command, and do not repeat the password."""
    for module in ("database", "table"):
        monkeypatch.delitem(sys.modules, f"mastra_logging.sql.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    for use in (SqlLogExporter, create_tables, read_logs):
        with pytest.raises(ConfigurationError, match=r"pip install 'mastra-logging\[sql\]'") as caught:
            use("postgresql://u:secret@h/db")
        assert "'postgresql://u:***@h/db'" in str(caught.value)


def test_another_package_that_is_missing_is_not_taken_for_sqlalchemy(monkeypatch):
    """What SQLAlchemy itself needs and does not find is not hidden."""
    monkeypatch.delitem(sys.modules, "mastra_logging.sql.database", raising=False)
    monkeypatch.setitem(sys.modules, "mastra_logging.sql.table", None)
    with pytest.raises(ImportError, match="table"):
        create_tables("sqlite:///logs.db")


def test_a_file_that_can_only_be_read_is_read(tmp_path):
    """A file without our settings, opened read-only, gives its lines."""
    engine = sa.create_engine(f"sqlite:///{tmp_path}/logs.db")
    create_tables(engine)
    engine.dispose()
    assert read_logs(f"sqlite:///file:{tmp_path}/logs.db?mode=ro&uri=true") == []
