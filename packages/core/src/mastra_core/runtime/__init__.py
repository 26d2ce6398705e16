"""The runtime that is observed: agents, tools, workflows and what holds them together."""
