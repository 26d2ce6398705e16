"""What code that is observed records with: loggers, and what else a context carries."""
