"""The embedded engine for tests: one in this process, with a database for each who asks.

An engine takes a quarter of a second to start, a process has one at a time, and that one has one folder.
So it is started once, kept until the process ends, and stores get databases of their own in it.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from mastra_clickhouse import ClickHouseStore, Options

FOREVER = Options(retention_spans_days=None, retention_logs_days=None, retention_metrics_days=None)
"""Nothing expires, for tests write rows of all times."""

_engines: dict[int, ClickHouseStore] = {}


def embedded(folder: Path | str, **options: Any) -> ClickHouseStore:  # noqa: ANN401  # any field
    """Return a new store; of the same folder, the same database."""
    name = "of_" + hashlib.sha256(str(folder).encode()).hexdigest()[:20]
    chosen = {"database": name, **options}
    return ClickHouseStore(replace(FOREVER, path=engine_path(), **chosen))


def engine_path() -> str:
    """Return the folder of this process's engine, which runs from now on."""
    pid = os.getpid()
    if pid not in _engines:
        path = tempfile.mkdtemp(prefix="mastra-chdb-")
        _engines[pid] = ClickHouseStore(replace(FOREVER, path=path))
        _engines[pid].initialize()
        atexit.register(_stop, pid, path)
    found = _engines[pid].options.path
    assert found is not None
    return found


def _stop(pid: int, path: str) -> None:
    if os.getpid() == pid:
        _engines.pop(pid).close()
        shutil.rmtree(path, ignore_errors=True)
