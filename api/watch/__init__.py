"""A watched folder: what arrives in it is taken into the archive once it is complete."""
