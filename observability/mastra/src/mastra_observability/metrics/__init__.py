"""Metrics: what is derived from other signals, what it costs, and how labels are kept few."""
