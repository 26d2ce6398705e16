"""Version of the distribution; hatch reads it, the changeset tool writes it."""

__version__ = "0.0.0"
