"""Ends and forks of real processes."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest


def run(program: str, **kwargs) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **kwargs,
    )


FILE_EXPORTER = """
    import sys, os
    from mastra_observability import BaseExporter, Observability, exit as leaving

    leaving.EXIT_TIMEOUT_S = 20  # machines that are busy with other things take longer than programs wait

    class Lines(BaseExporter):
        def on_tracing_event(self, event):
            with open({path!r}, "a") as file:
                file.write(f"{{os.getpid()}} {{event.span.name}} {{event.span.span_id}}\\n")
"""


@pytest.mark.parametrize("ending", ["", "sys.exit(3)", "raise ValueError('top level')"])
def test_a_program_that_just_ends_loses_nothing(tmp_path, ending):
    """Without any call to flush, everything recorded goes out at the interpreter's end."""
    path = str(tmp_path / "lines")
    program = textwrap.dedent(FILE_EXPORTER.format(path=path)) + textwrap.dedent("""
        obs = Observability(exporters=[Lines()])
        for i in range(1000):
            obs.span(f"s{i}").end()
    """)
    done = run(program + ending)
    assert len(Path(path).read_text().splitlines()) == 1000, done.stderr


def test_a_span_recorded_by_an_exit_handler_goes_out(tmp_path):
    """What is recorded while the program leaves, by handlers registered later, is not lost."""
    path = str(tmp_path / "lines")
    program = textwrap.dedent(FILE_EXPORTER.format(path=path)) + textwrap.dedent("""
        import atexit
        obs = Observability(exporters=[Lines()])
        atexit.register(lambda: obs.span("last words").end())
    """)
    done = run(program)
    assert "last words" in Path(path).read_text(), done.stderr


@pytest.mark.parametrize("fault", ["raise StoreUnavailableError('refused')", "time.sleep(60)"])
def test_a_dead_sink_cannot_hold_a_program(fault):
    """With sinks that refuse or hang a program ends soon, however many there are, and says so.

    That it is within two seconds of its last line is seen by `hatch run dead-sinks`, on a machine that does
    nothing else.
    """
    program = f"""
        import time
        from mastra_core.errors import StoreUnavailableError
        from mastra_observability import BaseExporter, Observability

        class Dead(BaseExporter):
            def on_tracing_event(self, event): pass
            def export(self, batch):
                {fault}

        obs = Observability(exporters=[Dead() for _ in range(15)])
        for i in range(10):
            obs.span("s").end()
        print(time.monotonic())
    """
    done = run(program)
    assert time.monotonic() - float(done.stdout) < 15  # in turn they would take longer
    assert done.returncode == 0
    assert "lost 10 of spans" in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_records_for_itself(tmp_path):
    """Parent and child export what they recorded themselves, once each, and make different ids."""
    path = str(tmp_path / "lines")
    program = textwrap.dedent(FILE_EXPORTER.format(path=path)) + textwrap.dedent("""
        import warnings
        warnings.simplefilter("ignore")
        obs = Observability(exporters=[Lines()])
        obs.span("before").end()
        outer = obs.span("outer")
        with outer:
            child = os.fork()
            for i in range(50):
                obs.span("inside").end()
        if child:
            os.waitpid(child, 0)
    """)
    done = run(program)
    rows = [line.split() for line in Path(path).read_text().splitlines()]
    names = sorted(name for _, name, _ in rows)
    assert names == sorted(["before", "outer"] + ["inside"] * 100), done.stderr
    assert len({span_id for _, _, span_id in rows}) == 102
    assert len({pid for pid, _, _ in rows}) == 2


def test_a_garbage_collected_instance_still_hands_over(tmp_path):
    """An instance that nobody refers to any more delivers what it had accepted."""
    path = str(tmp_path / "lines")
    program = textwrap.dedent(FILE_EXPORTER.format(path=path)) + textwrap.dedent("""
        import gc
        def work():
            obs = Observability(exporters=[Lines()])
            obs.span("s").end()
        work()
        gc.collect()
    """)
    done = run(program)
    assert len(Path(path).read_text().splitlines()) == 1, done.stderr
