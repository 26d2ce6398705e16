"""What all tests share: patience. They run on machines that are busy with other things."""

from hypothesis import HealthCheck, settings

from mastra_core import Mastra
from mastra_observability import Observability, TestExporter

# How long an example takes says something of the machine; what must be fast has a test that measures it.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

PATIENCE_S = 60.0
"""How long a test waits for telemetry where it does not say: the five seconds of programs may be too few."""

for waiting in (
    *(Mastra.flush, Mastra.shutdown),
    *(Observability.flush, Observability.aflush, Observability.shutdown, Observability.ashutdown),
    TestExporter.wait_for,
):
    waiting.__defaults__ = (PATIENCE_S,)
