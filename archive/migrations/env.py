"""Run the revisions on the connection, and inside the transaction, that the caller opened.

For an administrator who runs the SQL by hand, `dialect_name` in place of a connection writes it.
"""

from alembic import context

from archive.schema import metadata

given = context.config.attributes
context.configure(
    connection=given.get("connection"),
    dialect_name=given.get("dialect_name"),
    target_metadata=metadata,
    literal_binds=context.is_offline_mode(),
)
with context.begin_transaction():
    context.run_migrations()
