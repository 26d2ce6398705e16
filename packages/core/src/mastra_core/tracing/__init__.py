"""Instrumentation as user code sees it: spans, contexts, and their no-ops."""
