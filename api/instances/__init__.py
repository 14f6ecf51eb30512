"""Instances that other software sends, by whichever way: examined in a child, then kept."""
