"""Requests of storage commitment, kept until whoever asked has their answer."""
