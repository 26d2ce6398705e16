"""Where the tables of a cluster lie: on replicas, on shards, or both.

Everything of the DDL that depends on the options for clusters is made here:

    one server    CREATE TABLE t                     ENGINE = MergeTree
    replicated    CREATE TABLE t ON CLUSTER c        ENGINE = ReplicatedMergeTree('/path', '{replica}')
    sharded       CREATE TABLE t_local ON CLUSTER c  ENGINE = MergeTree
                  CREATE TABLE t ON CLUSTER c        ENGINE = Distributed(c, database, t_local, key)
    both          the same with ReplicatedMergeTree

What reads and writes rows goes by a table's own name, whatever is behind it. What changes tables or
deletes rows goes to the stored tables of all servers (`addressed`), as a distributed one takes neither.
"""

from __future__ import annotations

import re

from mastra_clickhouse.config import Options

LOCAL = "_local"
"""What the name of a shard's own table ends with."""

_SHARD_SETTINGS: dict[str, str | int] = {
    # An insert is acknowledged when every shard has its rows, not when they wait to be sent.
    "distributed_foreground_insert": 1,
    # All rows of a trace are on one shard, so each shard looks into its own tables for them.
    "distributed_product_mode": "local",
    "optimize_skip_unused_shards": 1,
    # A part of the answer is never given for all of it.
    "skip_unavailable_shards": 0,
}

_MANAGED = re.compile(r"\A(?:Replicated|Shared)(?=\w*MergeTree)")
_CHANGE = re.compile(r"\A\s*(DELETE FROM|ALTER TABLE|TRUNCATE TABLE|OPTIMIZE TABLE) (\w+)")


def stored_name(options: Options, name: str) -> str:
    """The table on this server that has the rows."""
    return f"{name}{LOCAL}" if options.distributed else name


def on_cluster(options: Options) -> str:
    """What follows a name in DDL, so that it is done on all servers."""
    return f" ON CLUSTER {_quote(options.cluster)}" if options.cluster else ""


def engine(options: Options, family: str, *arguments: str) -> str:
    """An engine of the MergeTree family, as a replicated one where that is asked for."""
    if not options.replicated:
        return f"{family}({', '.join(arguments)})" if arguments else family
    place = (_literal(options.replica_path), _literal(options.replica_name))
    return f"Replicated{family}({', '.join((*place, *arguments))})"


def window_settings(options: Options, inserts: int) -> dict[str, int]:
    """How many inserts a table remembers, so that none is stored twice."""
    if not options.replicated:
        return {"non_replicated_deduplication_window": inserts}
    return {"replicated_deduplication_window": inserts}


def shard_settings(options: Options) -> dict[str, str | int]:
    """Settings of every request where there are shards."""
    return dict(_SHARD_SETTINGS) if options.distributed else {}


def sharding_key(options: Options, row_id: str, *, has_trace: bool) -> str:
    """Which shard a row is on. Where not said otherwise all of a trace is on one, the rest on any.

    Args:
        options: what the cluster is.
        row_id: the column that tells a table's rows apart: what is the same row is on the same shard.
        has_trace: whether every row has a trace.
    """
    if options.sharding_key is not None:
        return options.sharding_key
    return "cityHash64(trace_id)" if has_trace else f"cityHash64(ifNull(trace_id, {row_id}))"


def distributed_table(options: Options, name: str, key: str) -> list[str]:
    """The statement for the table over all shards; none where there are no shards.

    Args:
        options: what the cluster is.
        name: of the table.
        key: which shard a row is on.
    """
    if not options.distributed or options.cluster is None:
        return []
    place = f"{_quote(options.cluster)}, {_quote(options.database)}, {_quote(name + LOCAL)}"
    head = f"CREATE TABLE IF NOT EXISTS {name}{on_cluster(options)} AS {stored_name(options, name)}"
    return [f"{head}\nENGINE = Distributed({place}, {key})"]


def addressed(options: Options, sql: str) -> str:
    """A statement as it is sent: one that changes a table goes to all servers, and to stored tables."""
    if options.cluster is None:
        return sql
    return _CHANGE.sub(lambda found: f"{found[1]} {stored_name(options, found[2])}{on_cluster(options)}", sql)


def is_same_engine(wanted: str, found: str) -> bool:
    """Whether a table's engine does what is wanted; managed clouds make `Shared…` of what they are given.

    A distributed table stands for whatever is behind it.
    """
    return found == "Distributed" or _MANAGED.sub("", found) == _MANAGED.sub("", wanted)


def _quote(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
