"""The command `sansverre move`: images put under the right patient, once it is said what ends."""

import argparse
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from api.errors import NotTaken
from api.whose import add_patient, patient_of

if TYPE_CHECKING:
    from api.work import Workplace
    from archive.move import MovePlan

WAIT_S = 0.5


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to those of the parser."""
    move = commands.add_parser("move", help="put images under the right patient")
    move.set_defaults(run=_move)
    move.add_argument("images", metavar="IMAGE", nargs="+", help="ids of images of one exam")
    add_patient(move, required=True)
    move.add_argument("--lesion", metavar="ID", help="of that patient, which the one image shows")
    move.add_argument("--by", metavar="FAMILY^GIVEN", default="", help="who moves them")
    move.add_argument("--yes", action="store_true", help="do it; without, it is only listed")
    move.add_argument("--json", action="store_true", help="for machines")


def _move(arguments: argparse.Namespace) -> int:
    from api.ingest import told_to_people
    from api.settings import read_settings
    from api.work import open_workplace
    from archive.move import Author, Destination

    logging.getLogger("sansverre").addHandler(logging.NullHandler())
    to = Destination(
        patient_of(arguments),
        accession_number=arguments.accession,
        lesion=arguments.lesion,
    )
    images, owner = arguments.images, arguments.establishment
    with open_workplace(read_settings()) as place, told_to_people():
        moves = place.catalog.moves
        plan = moves.plan(images, to, establishment=owner)
        if arguments.yes:
            moves.ask(images, to, Author("command line", arguments.by), establishment=owner)
            _await(place, images, owner)
        told = _told(plan, is_done=arguments.yes)
        if arguments.json:
            print(json.dumps(told))
        else:
            for line in _lines(told):
                print(line)
    return 0


def _await(place: "Workplace", images: list[str], owner: str) -> None:
    """Until the move is done, by whoever comes first; raises NotTaken where it cannot be now."""
    from api.moving import move_once

    last = place.catalog.moves.history(images[0], establishment=owner)[-1]
    while last.done_at is None:
        tried = move_once(place)
        if not tried:
            time.sleep(WAIT_S)
        last = place.catalog.moves.history(images[0], establishment=owner)[-1]
        if tried and last.done_at is None:
            raise NotTaken("they could not be moved now; they will be, once the cause is gone")


def _told(plan: "MovePlan", *, is_done: bool) -> dict[str, Any]:
    return {
        "moved": is_done,
        "known": plan.is_known,
        "exam": plan.to_exam_id,
        "images": [
            {
                "image": one.image_id,
                "published": [
                    {
                        "archive": told.remote,
                        "what": str(told.kind),
                        "sop_instance_uid": told.sop_instance_uid,
                        "state": str(told.state),
                    }
                    for told in one.published
                ],
                "left": [{"at": left.at.isoformat(), "way": str(left.way)} for left in one.left],
                **one.dropped,
            }
            for one in plan.corrections
        ],
    }


def _lines(told: dict[str, Any]) -> list[str]:
    known = "known here" if told["known"] else "new here"
    done = "moved" if told["moved"] else "would move (add --yes to do it)"
    lines = [f"the patient is {known}"]
    for image in told["images"]:
        lines.append(f"{image['image']}: {done}")
        lines += [
            f"  {one['archive']}: {one['what']} {one['sop_instance_uid']} is taken back"
            for one in image["published"]
            if one["what"] == "object" and one["state"] != "superseded"
        ]
        ends = {
            "lesion": "no longer shows lesion",
            "overview": "no longer located by",
            "earlier": "no longer follows",
            "session": "no longer of visit",
        }
        each = {
            "pins": "no longer marks lesion",
            "biopsies": "no longer the biopsy of lesion",
            "referred_by": "no longer referred to by",
        }
        lines += [f"  {words} {image[name]}" for name, words in ends.items() if name in image]
        lines += [f"  {words} {one}" for name, words in each.items() for one in image.get(name, ())]
        lines += [f"  left on {one}, which nothing takes back" for one in image["left"]]
    return lines
