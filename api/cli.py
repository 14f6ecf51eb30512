"""The command `sansverre`: what it can be asked, and how its answers end.

Imports wait until a command needs them, so that `--help` and `info` answer at once. What opens a
file runs in a child process with limits. Exit codes: 0 done, 1 the input or the installation is at
fault (one line on standard error says what), 2 wrong usage, 130 interrupted.
"""

import argparse
import json
import logging
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from api import credentials, move, outbox, photo, rule, values
from api.confinement import hide
from api.dimse import command as dimse_command
from api.errors import ApiError, Refused, SandboxError
from api.hl7 import command as hl7_command
from api.watch import command as watch_command
from api.whose import add_patient, patient_of

if TYPE_CHECKING:
    from api.ingest import Order, Taken
    from api.work import Workplace
    from archive.identity import PatientIdentity

DEIDENTIFICATION_KEY = "SANSVERRE_DEIDENTIFICATION_KEY"
LEAST_KEY = 16


class Fault(Exception):
    """What is wrong and what to do, for standard error."""


def program() -> int:
    """The command as a process of its own, which holds the installation's secrets."""
    hide()
    return main()


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit code."""
    arguments = _parser().parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # What nohup ignores stays ignored.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminated)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except Fault as fault:
        _complain(str(fault))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has left; nothing more is to be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        _complain(error.strerror or str(error))
    except ApiError as error:
        _complain(str(error))
    return 1


def _info(arguments: argparse.Namespace) -> int:
    asked = {"path": _absolute(arguments.file), "scene": arguments.scene}
    told = _in_sandbox(arguments.file, "api.tasks:describe", asked)
    if arguments.json:
        print(json.dumps(told))
        return 0
    from api.told import lines

    for line in lines(told):
        print(line)
    return 0


def _convert(arguments: argparse.Namespace) -> int:
    from api.progress import shown
    from slides.draft import discard, is_taken

    if arguments.deidentify and arguments.label == "keep":
        _usage("--deidentify takes the label away: ask for --label blank or drop")
    if arguments.max_instance_bytes is not None and arguments.to != "dicom":
        _usage("--max-instance-bytes cuts DICOM instances, which no zarr can share: use --to dicom")
    out = Path(arguments.out).absolute()
    if is_taken(out):
        raise Fault(f"{arguments.out}: it exists already; name a folder that does not")
    if not out.parent.is_dir():
        raise Fault(f"{out.parent}: there is no such folder to write into; make it first")
    request = {
        "to": arguments.to,
        "levels": arguments.levels,
        "quality": arguments.quality,
        "mpp_um": arguments.mpp,
        "scheduler": arguments.scheduler,
        "lossless_only": arguments.lossless_only,
        "verify": arguments.verify,
        "label": arguments.label or "keep",
        "max_instance_bytes": arguments.max_instance_bytes,
        "deidentify": _deidentification_key() if arguments.deidentify else None,
        "metadata": _absolute(arguments.metadata) if arguments.metadata else None,
        "scene": arguments.scene,
    }
    if not os.access(out.parent, os.W_OK):
        raise Fault(f"{out.parent}: not to be written into; name another folder")
    try:
        with shown() as progress:
            report = _in_sandbox(
                arguments.file,
                "api.tasks:convert",
                {"path": _absolute(arguments.file), "out": str(out), "request": request},
                progress,
                None if arguments.json else _print_plan,
            )
    except KeyboardInterrupt:
        # Whoever stops it means it; all others that end it may want it to go on later.
        discard(out)
        raise
    except Fault as fault:
        if not isinstance(fault.__cause__, Refused):
            discard(out)
        raise
    if arguments.json:
        print(json.dumps(report))
        return 0
    from api.told import proof

    for line in proof(report):
        print(line)
    print(_line(f"{arguments.out}: complete"))
    return 0


def _print_plan(news: Any) -> None:
    """What a conversion is about to do, a line a level."""
    from api.told import plan

    for line in plan(news):
        print(line, flush=True)


def _ingest(arguments: argparse.Namespace) -> int:
    from api.errors import NotTaken
    from api.ingest import Order
    from api.settings import read_settings
    from api.told import as_published, published
    from api.work import open_workplace

    # What befalls a job is told in the one line of its file.
    logging.getLogger("sansverre").addHandler(logging.NullHandler())
    order = Order(
        establishment=arguments.establishment,
        patient=_patient(arguments),
        accession_number=arguments.accession,
        mpp_um=arguments.mpp,
        verify=arguments.verify,
    )
    failed = 0
    with open_workplace(read_settings()) as place:
        for file in arguments.files:
            try:
                for taken in _taken(place, Path(file), order):
                    told = published(file, taken, order)
                    shown = [json.dumps(told)] if arguments.json else as_published(told)
                    for line in shown:
                        print(line, flush=True)
            except NotTaken as error:
                failed += 1
                _complain(f"{file}: {error}")
                if arguments.json:
                    print(json.dumps({"file": file, "error": str(error)}), flush=True)
    return 1 if failed else 0


def _taken(place: "Workplace", file: Path, order: "Order") -> "Iterator[Taken]":
    """What a file holds, taken in one scene after the other."""
    from api.ingest import ingest
    from api.progress import shown

    with shown() as progress:
        taken = ingest(place, file, order, progress)
    yield taken
    for scene in range(2, taken.scenes + 1):
        with shown() as progress:
            taken = ingest(place, file, order, progress, scene)
        yield taken


def _reindex(arguments: argparse.Namespace) -> int:
    from api.reindex import reindex

    failed = 0
    for file in arguments.files:
        told: dict[str, object] = {"file": file}
        try:
            told["changed"] = reindex(Path(file))
        except ApiError as error:
            failed += 1
            _complain(f"{file}: {error}")
            told["error"] = str(error)
        if arguments.json:
            print(json.dumps(told), flush=True)
        elif "changed" in told:
            done = "index written" if told["changed"] else "its index is right"
            print(_line(f"{file}: {done}"), flush=True)
    return 1 if failed else 0


def _serve(arguments: argparse.Namespace) -> int:
    from api.serve import serve
    from api.settings import read_settings

    return serve(read_settings(), arguments.host, arguments.port, arguments.workers)


def _in_sandbox(
    file: str,
    function: str,
    request: dict[str, object],
    progress: Callable[[int, int], None] | None = None,
    news: Callable[[Any], None] | None = None,
) -> Any:
    from api.sandbox import limits_for, run_limited, size_of

    try:
        limits = limits_for(size_of(Path(file)))
        return run_limited(function, request, limits, progress, news=news)
    except SandboxError as error:
        raise Fault(f"{file}: {error}") from error


def _patient(arguments: argparse.Namespace) -> "PatientIdentity | None":
    traits = (arguments.issuer, arguments.patient_name, arguments.birth_date, arguments.sex)
    if arguments.patient_id is None:
        if any(trait is not None for trait in traits):
            _usage("a patient is known by a number: give --patient-id")
        return None
    return patient_of(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sansverre", description="Virtual slides and dermatology photographs as DICOM."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    info = commands.add_parser("info", help="what a slide's file holds")
    info.set_defaults(run=_info)
    info.add_argument("file", metavar="FILE")

    convert = commands.add_parser("convert", help="a slide's file as DICOM or OME-Zarr")
    convert.set_defaults(run=_convert)
    convert.add_argument("file", metavar="FILE")
    convert.add_argument("out", metavar="OUT", help="a folder that appears when it is complete")
    convert.add_argument("--to", choices=("dicom", "zarr", "both"), required=True)
    convert.add_argument("--levels", choices=("full", "source"), default="full")
    convert.add_argument("--quality", type=values.quality, metavar="1-100")
    convert.add_argument(
        "--lossless-only",
        action="store_true",
        help="refuse what would compress the scanner's own pixels again with loss",
    )
    convert.add_argument(
        "--verify", action="store_true", help="read again all that was written, and prove it"
    )
    convert.add_argument("--scheduler", metavar="ADDRESS", help="of a dask.distributed scheduler")
    convert.add_argument(
        "--label",
        choices=("keep", "blank", "drop"),
        help="the label, and the part of the macro that shows it",
    )
    convert.add_argument(
        "--deidentify",
        action="store_true",
        help="tell nothing of whose the slide is (DICOM PS3.15, basic profile)",
    )
    convert.add_argument(
        "--max-instance-bytes",
        type=values.instance_bytes,
        metavar="N",
        help="cut larger DICOM instances into concatenations",
    )
    convert.add_argument("--metadata", metavar="FILE", help="what the slide is: CSV or JSON")

    ingest = commands.add_parser("ingest", help="take slides and photographs into the archive")
    ingest.set_defaults(run=_ingest)
    ingest.add_argument("files", metavar="FILE", nargs="+")
    add_patient(ingest, required=False)
    ingest.add_argument(
        "--verify", action="store_true", help="read slides again out of the store, and prove them"
    )

    reindex = commands.add_parser(
        "reindex", help="make the zarr index of DICOM files anew, where software dropped it"
    )
    reindex.set_defaults(run=_reindex)
    reindex.add_argument("files", metavar="FILE", nargs="+")

    photo.add(commands)
    move.add(commands)
    rule.add(commands)
    outbox.add(commands)
    watch_command.add(commands)
    dimse_command.add(commands)
    hl7_command.add(commands)

    for command in (convert, ingest):
        command.add_argument(
            "--mpp",
            type=values.mpp,
            metavar="X[,Y]",
            help="µm per pixel, where the file says nothing",
        )
    for command in (info, convert):
        command.add_argument(
            "--scene",
            type=values.scene,
            metavar="N",
            help="one of several pictures that a file holds, from 1 (convert: all)",
        )
    for command in (info, convert, ingest, reindex):
        command.add_argument("--json", action="store_true", help="for machines")

    serve = commands.add_parser("serve", help="the viewer and its interface, on this machine")
    serve.set_defaults(run=_serve)
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=values.port, default=8000)
    serve.add_argument("--workers", type=values.workers, metavar="N", default=_usual_workers())

    credentials.add(commands)
    return parser


def _deidentification_key() -> str:
    """The secret of pseudonyms: the installation's, or one of this run that nobody keeps."""
    key = os.environ.get(DEIDENTIFICATION_KEY) or secrets.token_hex(32)
    if len(key) < LEAST_KEY:
        raise Fault(f"{DEIDENTIFICATION_KEY} is shorter than {LEAST_KEY} characters: lengthen it")
    return key


def _usual_workers() -> int:
    return max(1, min(4, os.cpu_count() or 1))


def _absolute(file: str) -> str:
    return str(Path(file).absolute())


def _usage(reason: str) -> NoReturn:
    _complain(reason)
    raise SystemExit(2)


def _complain(text: str) -> None:
    print(f"sansverre: {_line(text)}", file=sys.stderr, flush=True)


def _line(text: str) -> str:
    # A file's name may hold what a terminal obeys, or what no encoding has.
    from api.told import printable

    return printable(text)


def _terminated(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(program())
