"""The migrations of the catalogue: run when it is new, or older than this software."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from archive.database import MIGRATIONS
from archive.errors import StorageFailure


def upgrade(connection: sa.Connection) -> None:
    """Bring the tables up to date, in the caller's transaction.

    Raises StorageFailure for a catalogue of a newer version of this software.
    """
    config = Config()
    # Alembic interpolates its options: a percent sign in the path must be doubled.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    # Looked at again under the caller's lock: another process may have been first.
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None and revision not in known:
        raise StorageFailure(
            "The catalogue was made by a newer version of this software; "
            "install that version or open another folder."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
