"""Processors: what sees signals before exporters do."""
