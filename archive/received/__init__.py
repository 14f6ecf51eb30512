"""Instances that other software made and sends: what becomes of each, and which are held."""
