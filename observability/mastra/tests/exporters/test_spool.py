"""The spool of the default exporter: what a flush acknowledged is never lost, and arrives once."""

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mastra_core.errors import ConfigurationError, StorageError, StoreUnavailableError, WriteRejectedError
from mastra_core.storage import InMemoryStore, TraceQuery
from mastra_observability import DefaultExporter, SpoolConfig
from mastra_observability.exporters import channel as channel_module
from mastra_observability.exporters.spool import Spool, Way
from mastra_observability.exporters.spool_file import VERSION, FileInUseError, SpoolFile

LEFT = "1790000000000000000-0badcafe"
"""What a file of another program may be called."""


class Door(InMemoryStore):
    """A store that is away while it is shut, and hangs while it is stuck."""

    def __init__(self, *, is_open: bool = True) -> None:
        super().__init__()
        self.is_open = is_open
        self.let_go = threading.Event()
        self.let_go.set()
        self.was_tried = threading.Event()

    def write_spans(self, batch):
        self.was_tried.set()
        if not self.is_open:
            raise StoreUnavailableError("the door is shut")
        self.let_go.wait(20)
        super().write_spans(batch)

    @property
    def names(self):
        """Names of all roots."""
        return sorted(trace.name for trace in self.list_traces(TraceQuery(limit=1000)).items)


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch):
    """Retries without the wait that users want between them."""
    monkeypatch.setattr(channel_module, "FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(channel_module, "LONGEST_DELAY_S", 0.002)


@pytest.fixture
def folder(tmp_path):
    """Of the spool."""
    return tmp_path / "telemetry.spool"


@pytest.fixture
def make_spooled(make, folder):
    """Makes instances with a spool, which end with the test; a flush waits for a store that is slow."""

    def make_one(store, *, spool=None, **rest):
        spool = spool or SpoolConfig(folder=folder, store_wait_s=20)
        exporter = DefaultExporter(spool=spool, flush_interval_s=0.001)
        return make(exporters=[exporter], storage=store, metrics=False, **rest)

    return make_one


def figures(obs):
    """What the spool says of itself."""
    return obs.stats()["exporters"]["DefaultExporter"]["spool"]


def books(obs):
    """Accepted, exported, lost and queued, of all signals."""
    stats = obs.stats()
    one = stats["exporters"]["DefaultExporter"]
    lost = sum(drop["count"] for drop in stats["dropped"])
    return sum(one["accepted"].values()), sum(one["exported"].values()), lost, one["queued"]


def wait_until(is_true):
    """Wait for another thread; the limit is for what never comes."""
    deadline = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def record(obs, *names):
    """A span of each name."""
    for name in names:
        obs.span(name).end()


def test_with_a_store_that_works_a_flush_means_that_it_is_stored(make_spooled, folder):
    """As without a spool: after a flush everything can be read, and a clean end leaves no file."""
    store = Door()
    obs = make_spooled(store)
    for i in range(100):
        record(obs, f"{i}")
    obs.logger.info("hello")
    assert obs.flush()
    assert len(store.names) == 100
    assert store.list_logs().total == 1
    assert figures(obs)["queued"] == 0
    assert books(obs) == (101, 101, 0, 0)
    obs.shutdown()
    assert figures(obs)["queued"] == 0
    assert list(folder.iterdir()) == []


def test_a_spool_that_somebody_removes_raises_nothing(make_spooled, folder):
    """Neither recording nor looking at the figures; what was there goes to the store, which works."""
    store = Door()
    obs = make_spooled(store)
    record(obs, "a")
    assert obs.flush()
    shutil.rmtree(folder)
    record(obs, "b")
    assert obs.flush()
    assert figures(obs)["bytes"] is None
    assert store.names == ["a", "b"]


def test_a_flush_is_true_while_the_store_is_away_and_nothing_is_lost(make_spooled, caplog):
    """What is on disk is acknowledged; it arrives when the store is back, and the trouble is said once."""
    store = Door(is_open=False)
    obs = make_spooled(store)
    for i in range(50):
        record(obs, f"{i}")
        if i % 10 == 0:
            assert obs.flush()
    assert obs.flush()
    assert store.names == []
    assert figures(obs)["queued"] == 50
    assert "the door is shut" in figures(obs)["last_error"]
    store.is_open = True
    wait_until(lambda: len(store.names) == 50)
    assert obs.flush()
    assert books(obs) == (50, 50, 0, 0)
    assert figures(obs)["last_error"] is None
    assert len([r for r in caplog.records if "cannot be handed over" in r.message]) == 1


def test_what_an_ended_program_left_is_handed_over_at_the_next_start(make_spooled, caplog):
    """Also where the store is still away at that start; nothing arrives twice, and the books are right."""
    store = Door(is_open=False)
    first = make_spooled(store)
    record(first, "a", "b")
    assert first.shutdown()
    assert "keeps 2 events" in caplog.text
    second = make_spooled(store)
    record(second, "c")
    assert second.flush()
    assert store.names == []
    store.is_open = True
    wait_until(lambda: len(store.names) == 3)
    assert second.flush()
    assert store.names == ["a", "b", "c"]
    assert books(second) == (3, 3, 0, 0)


def test_a_store_that_hangs_holds_up_neither_a_flush_nor_the_end(make_spooled, folder):
    """What follows the batch is on disk; the store is still in use, which the end's answer says."""
    store = Door()
    store.let_go.clear()
    obs = make_spooled(store, spool=SpoolConfig(folder=folder, store_wait_s=0.05))
    record(obs, "a")
    assert obs.flush()
    assert store.was_tried.wait(20)
    record(obs, "b")
    began = time.monotonic()
    assert obs.flush()
    assert not obs.shutdown()
    assert time.monotonic() - began < 10  # it hangs for twice as long
    other = Door()
    next_one = make_spooled(other)
    assert next_one.flush()
    assert other.names == ["a", "b"]
    store.let_go.set()


def test_a_program_that_records_nothing_hands_over_what_others_left_and_ends(make_spooled, folder):
    """Also where the store hangs at that: the end does not wait for it."""
    first = make_spooled(Door(is_open=False))
    record(first, "a")
    first.shutdown()
    store = Door()
    store.let_go.clear()
    second = make_spooled(store, spool=SpoolConfig(folder=folder, store_wait_s=0.05))
    assert store.was_tried.wait(20)
    began = time.monotonic()
    assert not second.shutdown()
    assert time.monotonic() - began < 10  # it hangs for twice as long
    store.let_go.set()


def test_what_the_store_refuses_is_counted_once_and_takes_nothing_with_it(make_spooled):
    """A row that was accepted and is refused later is lost in the books, also where others are retried."""

    class Picky(Door):
        fails = 3

        def write_spans(self, batch):
            bad = tuple(i for i, span in enumerate(batch) if span.name == "bad")
            if bad:
                raise WriteRejectedError("a bad row", bad)
            super().write_spans(batch)

        def write_logs(self, batch):
            self.fails -= 1
            if self.fails >= 0:
                raise StoreUnavailableError("not yet")
            super().write_logs(batch)

    store = Picky()
    obs = make_spooled(store)
    record(obs, "a", "bad", "b")
    obs.logger.info("hello")
    assert obs.flush()
    wait_until(lambda: books(obs) == (4, 3, 1, 0))
    assert store.names == ["a", "b"]
    assert store.list_logs().total == 1
    assert figures(obs)["queued"] == 0


def test_a_bug_of_the_store_is_counted(make_spooled):
    """What the store can never take does not stand in the way of the rest for ever."""

    class Wrong(Door):
        def write_logs(self, batch):
            raise ValueError("a bug of the store")

    obs = make_spooled(Wrong())
    obs.logger.info("hello")
    assert obs.flush()
    assert books(obs) == (1, 0, 1, 0)
    assert {drop["reason"] for drop in obs.stats()["dropped"]} == {"exporter_failed"}


def test_a_store_that_cannot_be_used_loses_nothing(make_spooled):
    """A wrong password is mended, and the program started again: then everything arrives."""

    class Wrong(Door):
        def write_spans(self, batch):
            raise StorageError("wrong password")

    obs = make_spooled(Wrong())
    record(obs, "a", "b")
    assert obs.flush()
    assert obs.shutdown()
    assert books(obs) == (2, 2, 0, 0)
    store = Door()
    assert make_spooled(store).flush()
    assert store.names == ["a", "b"]


def test_what_does_not_fit_goes_straight_to_the_store(make_spooled, folder, caplog):
    """A full spool loses nothing where the store works; where it is away events wait in memory."""
    store = Door(is_open=False)
    obs = make_spooled(store, spool=SpoolConfig(folder=folder, max_bytes=1_000_000))
    for i in range(8):
        obs.span(f"{i}", input=["x" * 10_000] * 20).end()
        obs.flush(0.1)
    wait_until(lambda: books(obs)[3] + figures(obs)["queued"] == 8)
    stats = obs.stats()["exporters"]["DefaultExporter"]
    assert stats["spool"]["bytes"] <= 1_000_000
    assert 0 < stats["spool"]["queued"] < 8
    assert stats["queued"] + stats["spool"]["queued"] == 8
    assert "raise `max_bytes`" in caplog.text
    store.is_open = True
    wait_until(lambda: len(store.names) == 8)
    record(obs, "small")
    assert obs.flush()
    assert books(obs) == (9, 9, 0, 0)
    assert "takes events again" in caplog.text


def test_an_event_that_cannot_be_read_back_takes_no_other_with_it(make_spooled):
    """What a processor made is written as it is, and counted where it turns out to be no event."""

    class Careless:
        def process(self, event):
            name = 5 if event.span.name == "bad" else event.span.name
            return msgspec.structs.replace(event, span=msgspec.structs.replace(event.span, name=name))

    store = Door()
    obs = make_spooled(store, processors=[Careless()], sensitive_data=False)
    record(obs, "a", "bad", "b")
    assert obs.flush()
    assert store.names == ["a", "b"]
    assert books(obs) == (3, 2, 1, 0)


def test_programs_that_share_a_folder_hand_over_their_own(make_spooled, folder):
    """Each has a file; nobody takes over what another one, which lives, still has."""
    shut, other = Door(is_open=False), Door()
    first = make_spooled(shut)
    record(first, "of the first")
    assert first.flush()
    second = make_spooled(other)
    record(second, "of the second")
    assert second.flush()
    assert other.names == ["of the second"]
    assert len(list(folder.glob("*.events"))) == 2
    shut.is_open = True
    wait_until(lambda: shut.names == ["of the first"])


@pytest.mark.parametrize(
    ("spool", "why"),
    [
        ("a_file", "File exists"),
        ("missing/spool", "No such file"),
        (5, "got 5"),
        ("", "the path of a folder, got ''"),
        ({"folder": " "}, "the path of a folder, got ' '"),
        ("a\0b", "embedded null"),
        ("~nosuchuser/x", "home directory"),
        ({"folder": "x", "max_bytes": 5}, r"`spool\.max_bytes`"),
        ({"folder": "x", "max_byte": 5}, "max_bytes"),
    ],
)
def test_what_cannot_be_a_spool_is_refused_at_construction(make, tmp_path, monkeypatch, spool, why):
    """A wrong folder or setting is a configuration error that says why."""
    monkeypatch.chdir(tmp_path)
    Path("a_file").touch()
    with pytest.raises(ConfigurationError, match=why) as caught:
        make(exporters=[DefaultExporter(spool=spool)], storage=Door())
    assert "`spool" in str(caught.value)


def test_a_spool_of_a_newer_version_is_refused(make_spooled, folder):
    """It is not touched, and the error says what to do."""
    obs = make_spooled(Door(is_open=False))
    record(obs, "a")
    obs.shutdown()
    (path,) = folder.iterdir()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 2")
    db.close()
    with pytest.raises(ConfigurationError, match="version 2, this program knows 1; update"):
        make_spooled(Door())
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("size", [10, 5_000])
def test_a_file_that_is_broken_is_set_aside_and_told(make_spooled, folder, caplog, size):
    """Nobody is kept from starting by it."""
    folder.mkdir()
    (folder / f"{LEFT}.events").write_bytes(b"garbage " * size)
    store = Door()
    obs = make_spooled(store)
    record(obs, "a")
    assert obs.flush()
    assert store.names == ["a"]
    assert "set aside" in caplog.text
    assert (folder / f"{LEFT}.broken").exists()
    assert not (folder / f"{LEFT}.events").exists()


def test_files_of_others_in_the_folder_are_left_alone(make_spooled, folder):
    """Neither a database nor a text that ends alike is touched, nor a database with a name of the spool."""
    folder.mkdir()
    for name in ("my", LEFT):
        with sqlite3.connect(folder / f"{name}.events") as db:
            db.execute("CREATE TABLE dates AS SELECT 1 AS day")
        db.close()
    (folder / "calendar.events").write_text("not of the spool " * 100)
    names = sorted(path.name for path in folder.iterdir())
    store = Door()
    obs = make_spooled(store)
    record(obs, "a")
    assert obs.flush()
    obs.shutdown()
    assert store.names == ["a"]
    assert sorted(path.name for path in folder.iterdir()) == names
    for name in ("my", LEFT):
        with sqlite3.connect(folder / f"{name}.events") as db:
            assert db.execute("SELECT day FROM dates").fetchall() == [(1,)]
        db.close()


def test_what_was_set_aside_takes_no_room_from_the_spool(make_spooled, folder):
    """A large broken file does not fill it for ever."""
    folder.mkdir()
    (folder / f"{LEFT}.broken").write_bytes(b"x" * 2_000_000)
    obs = make_spooled(Door(is_open=False), spool=SpoolConfig(folder=folder, max_bytes=1_000_000))
    record(obs, "a")
    assert obs.flush()
    assert figures(obs)["queued"] == 1
    assert figures(obs)["bytes"] < 1_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be removed there")
def test_what_a_removed_file_had_is_on_disk_again_with_the_next_batch(make_spooled, folder, caplog):
    """A cleaner of temporary files costs nothing that a later flush acknowledges."""
    away = Door(is_open=False)
    obs = make_spooled(away)
    record(obs, "a", "b")
    assert obs.flush()
    for path in folder.iterdir():
        path.unlink()
    record(obs, "c")
    assert obs.flush()
    assert figures(obs)["queued"] == 3
    assert "Somebody removed the spool file" in caplog.text
    obs.shutdown()
    store = Door()
    assert make_spooled(store).flush()
    assert store.names == ["a", "b", "c"]


def test_a_file_that_cannot_be_opened_for_a_moment_is_opened_later(make_spooled, folder, monkeypatch):
    """What another program left is not forgotten for it."""
    first = make_spooled(Door(is_open=False))
    record(first, "a")
    first.shutdown()
    store = Door(is_open=False)
    obs = make_spooled(store)
    assert store.was_tried.wait(20)
    record(obs, "b")
    assert obs.flush()
    spool = obs._bus.channels[0].exporter._spool
    spool.before_fork()  # closes the files, of which both are left then
    connect, failures = sqlite3.connect, ["too many open files", "the same"]

    def connect_or_fail(database, **options):
        if failures:
            raise sqlite3.OperationalError(failures.pop())
        return connect(database, **options)

    monkeypatch.setattr(sqlite3, "connect", connect_or_fail)
    store.is_open = True
    spool.after_fork_in_parent()
    wait_until(lambda: store.names == ["a", "b"])
    assert failures == []


def test_a_file_that_cannot_be_opened_at_first_is_tried_again(make_spooled, folder, monkeypatch, caplog):
    """It is told once; what is in it is handed over once it can be opened, though nothing else happens."""
    monkeypatch.setattr("mastra_observability.exporters.spool_folder.LOOK_AGAIN_S", 0.01)
    first = make_spooled(Door(is_open=False))
    record(first, "a")
    first.shutdown()
    (left,) = folder.glob("*.events")
    connect, refused = sqlite3.connect, threading.Semaphore(0)
    is_open = threading.Event()

    def connect_or_fail(database, **options):
        if left.name in database and not is_open.is_set():
            refused.release()
            raise sqlite3.OperationalError("unable to open database file")
        return connect(database, **options)

    monkeypatch.setattr(sqlite3, "connect", connect_or_fail)
    store = Door()
    second = make_spooled(store)
    record(second, "b")
    assert second.flush()
    for _ in range(3):
        assert refused.acquire(timeout=30)
    assert store.names == ["b"]
    is_open.set()
    wait_until(lambda: store.names == ["a", "b"])
    told = [message for message in caplog.messages if "cannot be opened" in message]
    assert len(told) == 1
    assert left.name in told[0]
    wait_until(lambda: books(second) == (2, 2, 0, 0))
    assert second.shutdown()
    assert list(folder.iterdir()) == []


def test_exporters_that_began_are_shut_down_where_a_later_one_cannot(make, make_spooled, folder):
    """An instance that is not made keeps no thread and no file; the next one finds what was left."""
    first = make_spooled(Door(is_open=False))
    record(first, "a")
    first.shutdown()
    threads = set(threading.enumerate())
    spooled = DefaultExporter(Door(is_open=False), spool=folder)
    for rest, wrong in (
        ([DefaultExporter(Door(), spool=folder / "no" / "such")], {}),
        ([], {"processors": [5]}),
    ):
        with pytest.raises(ConfigurationError):
            make(exporters=[spooled, *rest], metrics=False, **wrong)
    assert set(threading.enumerate()) <= threads
    assert len(list(folder.iterdir())) == 1
    store = Door()
    assert make_spooled(store).flush()
    assert store.names == ["a"]


def test_an_exporter_with_a_spool_belongs_to_one_instance(make, folder):
    """A second one would take the first one's spool away, which nobody closed then."""
    exporter = DefaultExporter(Door(), spool=folder)
    first = make(exporters=[exporter], metrics=False)
    with pytest.raises(ConfigurationError, match=r"`observability\.exporters` .* another instance"):
        make(exporters=[exporter], metrics=False)
    record(first, "a")
    assert first.shutdown()
    assert make(exporters=[exporter], metrics=False).shutdown()
    assert list(folder.iterdir()) == []


def test_a_file_whose_maker_died_at_it_goes(make_spooled, folder):
    """An empty one is no error and does not stay for ever."""
    folder.mkdir()
    (folder / f"{LEFT}.events").touch()
    make_spooled(Door()).shutdown()
    assert list(folder.iterdir()) == []


@given(cut=st.integers(0, 100_000), lots=st.lists(st.integers(1, 3_000), min_size=1, max_size=8))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_torn_end_costs_what_was_torn_alone(tmp_path_factory, cut, lots):
    """Wherever the log of a killed process breaks off, the lots before that are read, whole and in order."""
    folder = tmp_path_factory.mktemp("torn")
    file = SpoolFile(folder / "a.events", is_new=True)
    written = [bytes([65 + number]) * size for number, size in enumerate(lots)]
    for lot in written:
        file.append(1, lot)
    logged = (folder / "a.events-wal").read_bytes()
    (folder / "b.events").write_bytes((folder / "a.events").read_bytes())
    (folder / "b.events-wal").write_bytes(logged[: max(0, len(logged) - cut)])
    file.close()
    try:
        torn = SpoolFile(folder / "b.events")
    except Exception:  # noqa: BLE001  # not even its table was left
        assert cut > sum(lots)
        return
    found = [lot for _, _, lot in torn.oldest(100)]
    torn.close()
    assert found == written[: len(found)]
    assert cut or found == written


def test_a_file_belongs_to_one_connection(tmp_path):
    """While one has it no other can open it; after that it can, and what was put in is there."""
    path = tmp_path / "a b#.events"
    file = SpoolFile(path, is_new=True)
    file.append(2, b"[]")
    with pytest.raises(FileInUseError):
        SpoolFile(path)
    file.close()
    again = SpoolFile(path)
    assert again.event_count == 2
    again.remove(again.oldest(10))
    again.close()
    assert not path.exists()


def test_an_emptied_file_gives_its_room_back(tmp_path):
    """After an outage the disk is as it was."""
    file = SpoolFile(tmp_path / "a.events", is_new=True)
    for _ in range(20):
        file.append(1, os.urandom(1_000_000))
    assert file.used_bytes > 20_000_000
    while file.event_count:
        file.remove(file.oldest(3))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 100_000
    file.close()


def test_a_file_that_is_filled_and_emptied_gets_no_longer(tmp_path):
    """What was removed leaves its room to what comes, whether or not the room was given back between."""
    file = SpoolFile(tmp_path / "a.events", is_new=True)
    sizes = []
    for _ in range(12):
        for _ in range(3):
            file.append(1, os.urandom(2_000_000))
        while file.event_count:
            file.remove(file.oldest(2))
        sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
    assert file.used_bytes < 200_000
    assert max(sizes[2:]) <= max(sizes[:2])
    file.close()


def test_a_spool_with_little_room_keeps_little_of_it_empty(tmp_path):
    """What empty files of others take counts for a spool, so each takes a small part of what there is."""
    config = SpoolConfig(folder=tmp_path, max_bytes=20_000_000)
    way = Way(lambda events: [], lambda *told: None, lambda *told: None)
    file = Spool(config, 1_000, 0.1, way)._folder.own()
    file.append(1, os.urandom(8_000_000))
    assert file.used_bytes > 8_000_000
    file.remove(file.oldest(1))
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < 20_000_000 // 50
    file.close()


def test_a_file_with_pages_of_another_size_is_gone_on_with(tmp_path):
    """As a version made it whose pages were SQLite's own: what is in it, what is put in, how much it is."""
    path = tmp_path / "a.events"
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA page_size = 4096")
    db.execute(
        "CREATE TABLE lots (id INTEGER PRIMARY KEY, event_count INTEGER NOT NULL, events BLOB NOT NULL)"
    )
    db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute("INSERT INTO lots (event_count, events) VALUES (3, ?)", [b"[]"])
    db.close()
    file = SpoolFile(path)
    file.append(1, bytes(20_000_000))
    assert 20_000_000 < file.used_bytes < 20_100_000
    assert [count for _, count, _ in file.oldest(10)] == [3, 1]
    file.remove(file.oldest(10))
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < 100_000
    file.close()


PROGRAM = """
    import os, sys, time, warnings
    warnings.simplefilter("ignore")
    from mastra_core.errors import StoreUnavailableError
    from mastra_core.storage import InMemoryStore
    from mastra_observability import DefaultExporter, Observability, SpoolConfig, exit

    exit.EXIT_TIMEOUT_S = 20  # machines that are busy with other things take longer than programs wait

    class Lines(InMemoryStore):
        def write_spans(self, batch):
            if not os.path.exists({lines!r}):
                raise StoreUnavailableError("away")
            with open({lines!r}, "a") as file:
                file.write("".join(f"{{os.getpid()}} {{span.name}}\\n" for span in batch))

    def make():
        spool = SpoolConfig(folder={folder!r}, store_wait_s=20)
        exporters = [DefaultExporter(spool=spool, flush_interval_s=0)]
        return Observability(storage=Lines(), exporters=exporters, metrics=False)

    obs = make()
"""


@pytest.fixture
def run(tmp_path, folder):
    """Runs programs whose store is a file, and is away while there is none."""
    lines = tmp_path / "lines"

    def run_one(body, *, is_away=False):
        if not is_away:
            lines.touch()
        program = textwrap.dedent(PROGRAM.format(lines=str(lines), folder=str(folder))) + textwrap.dedent(
            body
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
        )
        return done, [line.split() for line in lines.read_text().splitlines()] if lines.exists() else []

    return run_one


def test_what_was_acknowledged_survives_every_death(run, folder):
    """Programs that die after a flush, their store being away, have lost nothing of what was flushed."""
    for death in ("os._exit(1)", "os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 15)"):
        done, lines = run(f"obs.span({death!r}).end()\nassert obs.flush()\n{death}", is_away=True)
        assert done.returncode in (1, -9, -15)
        assert lines == []
    done, lines = run("obs.span('last').end()\nassert obs.flush()")
    names = sorted(" ".join(words) for _, *words in lines)
    assert names == ["last", "os._exit(1)", "os.kill(os.getpid(), 15)", "os.kill(os.getpid(), 9)"], (
        done.stderr
    )
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_parent_and_child_have_files_of_their_own(run, folder):
    """Forked with events on disk and the store away: later each event arrives once."""
    run(
        """
        obs.span("before").end()
        assert obs.flush()
        children = []
        for _ in range(3):
            child = os.fork()
            obs.span("child" if child == 0 else "parent").end()
            assert obs.flush()
            if child == 0:
                assert obs.shutdown()
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        """,
        is_away=True,
    )
    done, lines = run("assert obs.flush()")
    assert sorted(name for _, name in lines) == ["before"] + ["child"] * 3 + ["parent"] * 3, done.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of the system")
def test_a_full_disk_is_told_and_costs_nothing_while_the_store_works(run):
    """Events that cannot be put on disk go straight to the store."""
    done, lines = run(
        """
        import resource
        obs.span("before").end()
        assert obs.flush()
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        for i in range(50):
            obs.span(f"{i}", input="x" * 16_000).end()
            assert obs.flush()
        assert obs.stats()["dropped"] == []
        """
    )
    assert done.returncode == 0, done.stderr
    assert len({name for _, name in lines}) == 51, done.stderr
    assert "takes nothing now" in done.stderr
