"""Reports in the catalogue."""
