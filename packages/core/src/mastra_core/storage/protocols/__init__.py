"""The interface of a store, by capability. Laws (MUST) carry an id; the contract tests each.

Stores are synchronous and may be called from any thread. Every method raises `StoreClosedError`
after `close()`, and errors of the driver arrive as this project's own.

    L1  The same batch written twice MUST answer every query as if written once. A signal is the
        same where its key is (`mastra_core.signals.columns`); of two that differ in the rest, the
        first one stays.
    L2  A reader MUST see a batch whole or not at all.
    L3  A span that ended MUST NOT be shown as running, whatever the order in which its announcement
        and its end are written.
    L4  `get_trace` MUST return spans in order of start, the root first, open ones included.
    L5  An open span MUST be shown as `running`, and as `interrupted` where its process is known to
        be gone.
    L6  Lists MUST be ordered by time as asked, ties broken by id, and `total` MUST count all matches.
    L7  An unknown id MUST give None or an empty list, never an error.
    L8  `clear` MUST leave nothing that any query finds; `close` twice MUST be harmless.
    L9  `text` MUST find the messages that `mastra_core.storage.text_search` says, and no others.
    L10 Read by `after`, each page's cursor in its turn, every row that matches MUST come exactly once,
        in order of arrival, those of a batch in its order, while others write and whatever the times
        of the rows; also after `clear`. From the cursor of a list the rows that the list could not see
        MUST come.
    L11 A cursor of another signal or of other data MUST be refused with `InvalidQueryError`.
    L12 A metric, score or feedback whose number is not finite, and a label that is no text, MUST be
        refused with `WriteRejectedError` and its position; so MUST a value outside of its column's
        list (`Column.allowed`), for instance a metric's type.
    L13 An aggregation MUST be over all rows that match, each once, in whatever order, portions and
        repetitions they were written. Of nothing `count` is 0 and every other number None; sums are
        right to 1e-12 of the sum of the absolute numbers, everything else is exact.
    L14 A series MUST have every bucket of its window, in order, aligned to UTC; one in which nothing was
        observed has no value, never zero.
    L15 A breakdown MUST come largest value first, ties by key; `group_count` counts all its groups. A row
        without the name is in the group None; a name that nothing can carry is refused.
    L16 `previous` MUST be the same of the stretch of equal length before the window, and of a bucket the
        same of what lies one length of the window before it.
    L17 Percentiles MUST be exact, by linear interpolation between neighbours.
    L18 A bucket of a histogram MUST hold its upper bound; the counts add up to all that match.
    L19 Names MUST come each once, in order of code points, without empty ones.
    L20 Feedback MUST come back as the number or the text that it was.
    L21 A review status MUST stay as it was set last, also when the batch is written again.
    L22 What was deleted by id MUST NOT be found by any query; ids that are not there are passed over.
    L23 `create_score` and `create_feedback` MUST store with the ids alone, and with the context and the
        metadata of what they speak of where that is stored.
    L24 `get_trace_structure` MUST return what `get_trace` does, in the same order, without payloads.
    L25 `get_branch` MUST return the span and those below it to the depth that was asked for, the span
        itself first, then in order of start; each once, also where parents go round in a circle.
    L26 `list_branches` MUST find spans of any depth, ended or open, by what they are themselves.
    L27 After `delete_traces` no query MUST find anything that was made in one of these traces. Rows of
        another trace, rows of none and, where a tenant is said, rows that are not the tenant's MUST
        stay, and what is left of a trace MUST be shown as if nothing else had ever been written.
    L28 `prune` MUST remove all rows whose time (of a span the start) is before now less the age of their
        signal, and no others, in whatever portions; what is left MUST be shown as L27 says.
    L29 What `delete_traces` and `prune` report MUST be the rows that a query could find before. Doing it
        again MUST be harmless and report nothing.
    L30 `stats` MUST count the rows that queries find, with the times of the oldest and the newest.
"""

from __future__ import annotations

from mastra_core.storage.protocols.annotations import FeedbackStore, ScoreStore
from mastra_core.storage.protocols.base import Store
from mastra_core.storage.protocols.discovery import DiscoveryStore
from mastra_core.storage.protocols.lifecycle import LifecycleStore
from mastra_core.storage.protocols.logs import LogStore
from mastra_core.storage.protocols.metrics import MetricStore
from mastra_core.storage.protocols.spans import SpanStore

__all__ = [
    "DiscoveryStore",
    "FeedbackStore",
    "LifecycleStore",
    "LogStore",
    "MetricStore",
    "ScoreStore",
    "SpanStore",
    "Store",
]
