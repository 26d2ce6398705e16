"""Summarise a text: draft, critique, revise, and look at what happened.

    python examples/critique_revise [--text FILE] [--store URL] [--model openai:NAME] [--base-url URL]
                                    [--logs FORMAT] [--log-level LEVEL]

Needs no network and no key: the model is scripted unless you name a real one, the tools work on the
real text. What happens is logged while it happens, stored, and read back from the store at the end.
"""

import argparse
import asyncio
import os
import sys
import textwrap
from pathlib import Path

from real_models import use_model
from report import print_queries, print_trace
from tools import Document
from workflow import Summary, critic, drafter, flow, reviser

from mastra_core import Mastra, MastraError, ObservabilityConfig, TracingOptions
from mastra_core.signals.log import LOG_LEVELS
from mastra_logging import LogConfig, LogOutputExporter, init_logging
from mastra_observability import DefaultExporter

README = Path(__file__).parents[2] / "README.md"
FILE_URL = "duckdb:///"


async def run(document: Document, store: str, *, has_report: bool) -> None:
    """Run the workflow, and show what was recorded of it."""
    mastra = Mastra(
        agents=[drafter, critic, reviser],
        workflows=[flow],
        storage=store,
        observability=ObservabilityConfig(
            service_name="critique-revise",
            log_level="debug",
            exporters=[DefaultExporter(), LogOutputExporter()],
        ),
    )
    async with mastra:
        if has_report:
            print(f"Summarising {document.title}:\n")
        done = await flow.run(
            document,
            tracing=TracingOptions(session_id="demo", tags=("demo",), metadata={"text": document.title}),
            request_context={"document": document},
        )
        await mastra.flush(60)  # a store that is made at this moment may take longer than usual
        trace = await mastra.get_trace(done.trace_id)
        if has_report:
            print(f"\n{textwrap.fill(done.output.text, 90)}\n\n{', '.join(_verdict(done.output))}\n")
            print(f"Read back from {type(mastra.storage).__name__}:\n")
            print_trace(trace)
    if has_report and store.startswith(FILE_URL):
        print_queries(store.removeprefix(FILE_URL))


def _verdict(summary: Summary) -> list[str]:
    words = len(summary.text.split())
    verdict = "passed" if summary.passed else "did not pass"
    return [f"{verdict} after {summary.revisions} revisions", f"{words} words", f"score {summary.score}"]


def main() -> int:
    """Read the command line, and run."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:  # a terminal that has no box characters is no reason to fail
        reconfigure(errors="replace")
    parser = argparse.ArgumentParser(
        prog="python examples/critique_revise",
        description="Summarise a text: draft, critique and revise, observed from end to end.",
    )
    parser.add_argument("--text", type=Path, default=README, metavar="FILE", help="what to summarise")
    parser.add_argument("--store", default="duckdb:///demo.duckdb", metavar="URL", help="where to record it")
    parser.add_argument(
        "--model",
        default="scripted",
        metavar="MODEL",
        help="who writes: `scripted`, `openai:NAME` or `anthropic:NAME`, with the key in the environment",
    )
    parser.add_argument("--base-url", metavar="URL", help="of an endpoint that speaks the provider's API")
    parser.add_argument(
        "--logs",
        choices=["pretty", "compact", "json"],
        default="pretty",
        help="how lines of the log look; with json nothing else is printed",
    )
    parser.add_argument("--log-level", choices=list(LOG_LEVELS), default="info", help="least weight of lines")
    arguments = parser.parse_args()
    if not arguments.text.is_file():
        parser.error(f"there is no file {arguments.text}")
    document = Document.read(arguments.text)
    if not document.sections:
        parser.error(f"there is no prose in {arguments.text}")
    try:
        use_model(arguments.model, arguments.base_url)
    except MastraError as error:
        parser.error(str(error))
    try:
        init_logging(LogConfig(format=arguments.logs, level=arguments.log_level, stream="stdout"))
        asyncio.run(run(document, arguments.store, has_report=arguments.logs != "json"))
    except MastraError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read along has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
