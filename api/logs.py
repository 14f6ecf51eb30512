"""What the processes of `serve` write on standard error, set up in one place."""

import logging
import warnings


def to_stderr() -> None:
    """Our own messages from INFO on, the libraries' only when something failed.

    Below that, libraries tell what nobody asked (migrations that need not run), and the HTTP
    server tells of each malformed request of whoever sends such.
    """
    logging.basicConfig(
        level=logging.ERROR, format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    logging.getLogger("sansverre").setLevel(logging.INFO)
    # What a parser doubts it quotes, in both ways: values of a patient's header.
    warnings.simplefilter("ignore")
    parser = logging.getLogger("pydicom")
    parser.addHandler(logging.NullHandler())
    # Its level it sets itself, when it is loaded.
    parser.propagate = False


def whereabouts(error: BaseException) -> str:
    """The class of an exception and the line it came from, without its text."""
    trace, place = error.__traceback__, "nowhere"
    while trace is not None:
        code = trace.tb_frame.f_code
        place, trace = f"{code.co_filename}:{trace.tb_lineno}", trace.tb_next
    return f"{type(error).__name__} at {place}"
