"""A short version of `python tools/clickhouse_torture.py`, which writes 100 000 rows."""

from clickhouse_torture import torture


def test_everything_acknowledged_is_there_once_whatever_breaks(own_server):
    """Four writers, two kills, broken connections: no table has lost a row or has one twice."""
    outcome = torture(rows=8_000, kills=2, server=own_server)
    assert outcome.faults == {}
    assert outcome.kills == 2
    assert outcome.refusals > 0
    assert all(outcome.acknowledged.values())
