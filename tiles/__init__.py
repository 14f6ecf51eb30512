"""Pixels by address: pyramids, tile sources, codecs, and the graph that builds one from the other.

Nothing here knows a patient, a vendor or a web request.
"""
