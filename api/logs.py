"""What the processes of `serve` write on standard error, set up in one place."""

import logging


def to_stderr() -> None:
    """Our own messages from INFO on, the libraries' only when something failed.

    Below that, libraries tell what nobody asked (migrations that need not run), and the HTTP
    server tells of each malformed request of whoever sends such.
    """
    logging.basicConfig(
        level=logging.ERROR, format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    logging.getLogger("sansverre").setLevel(logging.INFO)
