"""The types of the five signals; import from the modules, or the common names from `mastra_core`."""
