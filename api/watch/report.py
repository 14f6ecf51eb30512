"""The note beside a file that was not taken: why, and what to do, in French and in English."""

import os
from datetime import datetime
from pathlib import Path

from api.watch.survey import REPORT
from api.watch.trouble import Trouble

HEADING = "Ce fichier n’a pas été pris dans l’archive. / This file was not taken into the archive."
MOST_NAME_BYTES = 254
"""One less than file systems take: a draft has a dot before its name."""

COPY_AGAIN = "Copiez-le de nouveau depuis le scanner."
ASK = "Gardez le fichier et prévenez qui s’occupe de Sans Verre, avec la référence ci-dessous."

FRENCH: dict[str, tuple[str, str]] = {
    "DamagedSlide": ("Le fichier est abîmé, ou il en manque la fin.", COPY_AGAIN),
    "DamagedPhoto": ("La photographie est abîmée, ou tronquée.", "Copiez-la de nouveau."),
    "MissingFile": (
        "Il manque un fichier ou un dossier qui va avec celui-ci.",
        "Copiez la lame entière : son fichier, et le dossier ou les fichiers qui l’accompagnent.",
    ),
    "UnknownFormat": (
        "Ce n’est pas une lame d’un format lu ici.",
        "Exportez-la en SVS, en DICOM ou en TIFF pyramidal ; sinon, retirez le fichier du dossier.",
    ),
    "UnsupportedSlide": (
        "C’est une variante d’un format connu qui n’est pas lue ici.",
        "Exportez-la en SVS, en DICOM ou en TIFF pyramidal.",
    ),
    "TooLarge": (
        "La lire demanderait plus de mémoire ou de temps que permis.",
        "Exportez-la de nouveau, ou dans un autre format.",
    ),
    "MissingSpacing": (
        "Le fichier ne dit pas la taille de ses pixels.",
        "Exportez-le avec sa résolution, ou lancez la surveillance avec --mpp.",
    ),
    "InvalidMetadata": (
        "Le fichier qui dit à qui est la lame ne se comprend pas.",
        "Corrigez le fichier JSON ou CSV du même nom.",
    ),
    "InvalidIdentity": (
        "Un numéro ou un nom ne peut pas être écrit en DICOM.",
        "Corrigez le fichier JSON ou CSV du même nom.",
    ),
    "DifferentPatient": (
        "Ce fichier ou ce numéro (d’examen, de patient) est déjà à un autre patient, ou à aucun.",
        "Vérifiez à qui est la lame ; corrigez la demande, ou déplacez l’image déjà archivée.",
    ),
    "NoOrder": (
        "Rien ne dit à qui est ce fichier, et cette surveillance attend qu’on le dise.",
        "Déposez à côté un fichier JSON ou CSV du même nom, avec le patient et la demande.",
    ),
    "NotFaithful": ("La copie archivée, relue, n’est pas conforme à l’original.", ASK),
    "OutsideFolder": (
        "Un fichier dont il a besoin se trouve hors de son dossier.",
        "Copiez la lame entière dans un seul dossier.",
    ),
    "OutOfMemory": (
        "Le lire demande plus de mémoire qu’un fichier n’en reçoit.",
        "Exportez-le de nouveau, ou dans un autre format.",
    ),
    "OutOfTime": (
        "Sa lecture n’avance pas : le disque ou le réseau est trop lent, ou le fichier est abîmé.",
        "Rien, si le réseau revient : il est essayé de nouveau. Sinon, copiez-le de nouveau.",
    ),
    "EACCES": (
        "Le service n’a pas le droit de lire ce fichier.",
        "Donnez-lui le droit de lecture ; il est essayé de nouveau de lui-même.",
    ),
    "Spent": ("Sa préparation a échoué plusieurs fois.", ASK),
    "ChildCrashed": ("Sa lecture s’est interrompue.", ASK),
    "ChildFaulted": ("Ce logiciel n’a pas su le lire.", ASK),
}
FRENCH["EPERM"] = FRENCH["EACCES"]
UNNAMED = (
    "Il a été refusé à la lecture ; la raison précise est donnée en anglais ci-dessous.",
    "Vérifiez le fichier et copiez-le de nouveau ; s’il est refusé encore, exportez-le autrement.",
)
AFTERWARDS = {
    True: ("Il est essayé de nouveau de lui-même.", "It is tried again by itself."),
    False: (
        "Il est essayé de nouveau une fois remplacé, ou cette note supprimée.",
        "It is tried again once it is replaced, or this note deleted.",
    ),
}
GONE_WHEN_TAKEN = "Cette note disparaît quand il est pris. / This note goes once it is taken."


def report_of(file: Path) -> Path:
    """Where the note about a file lies: beside it."""
    room = MOST_NAME_BYTES - len(REPORT)
    name = os.fsencode(file.name)
    # A name that is too long is cut where a character ends.
    cut = file.name if len(name) <= room else name[:room].decode("utf-8", "ignore")
    return file.with_name(cut + REPORT)


def write_report(file: Path, trouble: Trouble, reference: str, now: datetime) -> None:
    """Put the note beside a file, in place of an older one; raises OSError."""
    reason, remedy = FRENCH.get(trouble.kind, UNNAMED)
    afterwards = AFTERWARDS[trouble.passes]
    lines = [
        HEADING,
        "",
        f"Fichier : {file.name}",
        f"Raison : {reason}",
        f"Que faire : {remedy}",
        f"Ensuite : {afterwards[0]}",
        "",
        f"File: {file.name}",
        f"Reason, and what to do: {trouble.message or trouble.kind}",
        f"Then: {afterwards[1]}",
        "",
        GONE_WHEN_TAKEN,
        f"Référence / reference: {reference} ({now:%Y-%m-%d %H:%M} UTC)",
        "",
    ]
    report = report_of(file)
    draft = _draft(report)
    draft.unlink(missing_ok=True)
    # Made anew, as whoever writes to the folder may have laid a link to something of ours there.
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    # Old editors of Windows tell UTF-8 by its mark.
    with os.fdopen(descriptor, "w", encoding="utf-8-sig", errors="replace", newline="") as stream:
        stream.write("\r\n".join(lines))
    draft.replace(report)


def remove_report(file: Path) -> None:
    """Take the note about a file away, if one of ours lies there; raises OSError."""
    report = report_of(file)
    _draft(report).unlink(missing_ok=True)
    try:
        with report.open(encoding="utf-8-sig", errors="replace") as stream:
            is_ours = stream.readline().strip() == HEADING
    except FileNotFoundError:
        return
    if is_ours:
        report.unlink(missing_ok=True)


def _draft(report: Path) -> Path:
    return report.with_name(f".{report.name}")
