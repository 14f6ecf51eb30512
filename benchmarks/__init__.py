"""Measurements by hand: nothing here is imported by the project or judged by a test."""
