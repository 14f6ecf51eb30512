"""The establishment of whoever names none. Apart, as the command line loads settings late."""

ESTABLISHMENT = "local"
"""Whose files are that somebody brings who serves all establishments."""
