"""The command `sansverre dimse`."""

import argparse


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to those of the parser."""
    dimse = commands.add_parser("dimse", help="answer DICOM devices and archives (C-FIND, C-MOVE…)")
    dimse.set_defaults(run=_dimse)


def _dimse(_: argparse.Namespace) -> int:
    from api.dimse.process import run
    from api.logs import to_stderr
    from api.settings import read_settings

    to_stderr()
    run(read_settings(), _announce)
    return 0


def _announce(host: str, port: int) -> None:
    at = f"[{host}]" if ":" in host else host
    print(f"Sans Verre: DICOM peers call at {at}:{port}", flush=True)
