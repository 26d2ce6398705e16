"""User stories across the packages, told with public names only."""
