"""The catalogue's schema, revision by revision.

A revision is written by hand beside a change of `archive.schema`, in words that do not import it:
what it did must not change with the code. Tests compare where the revisions lead with the tables.
"""
