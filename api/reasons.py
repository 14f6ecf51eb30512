"""Why a file of a deposit is not in the archive, in the words of both languages."""

from typing import NamedTuple

from archive.record import Reason


class Words(NamedTuple):
    """One text in both languages."""

    fr: str
    en: str


WORDS: dict[Reason, Words] = {
    Reason.DIGEST: Words(
        fr="Le fichier reçu n’est pas celui qui a été envoyé (empreinte SHA-256 différente). "
        "Renvoyez-le.",
        en="The file that came is not the one that was sent (its SHA-256 differs). Send it again.",
    ),
    Reason.EXPIRED: Words(
        fr="L’envoi est resté inachevé trop longtemps. Recommencez-le.",
        en="Nobody went on with this file in time. Send it again.",
    ),
    Reason.UNREADABLE: Words(
        fr="Ce fichier ne peut pas être lu comme lame ou photographie : format inconnu, fichier "
        "abîmé, ou fichiers manquants à côté de lui.",
        en="This file cannot be read as a slide or a photograph: its format is unknown, it is "
        "damaged, or files beside it are missing.",
    ),
    Reason.MISSING: Words(
        fr="Il manque des fichiers qui vont avec celui-ci. Déposez-les tous ensemble. Il manque :",
        en="Files that belong with this one are missing. Send all of them together. Missing:",
    ),
    Reason.PART: Words(
        fr="Ce fichier fait partie d’une lame refusée :",
        en="This file is a part of a slide that was refused:",
    ),
    Reason.TOO_HEAVY: Words(
        fr="L’examen du fichier a dépassé le temps ou la mémoire permis.",
        en="Examining this file took more time or memory than it may.",
    ),
    Reason.FAULT: Words(
        fr="L’examen du fichier a échoué à cause du logiciel. Prévenez la personne qui l’exploite.",
        en="Examining this file failed because of the software. Tell whoever runs it.",
    ),
    Reason.IDENTITY: Words(
        fr="Ce fichier ou ce numéro d’examen est déjà archivé sous un autre patient, ou sans "
        "patient ; ou le numéro du patient est celui de quelqu’un d’autre. Vérifiez à qui il est.",
        en="This file or this accession number is archived under another patient already, or "
        "under none; or the patient’s number is somebody else’s. Check whose it is.",
    ),
    Reason.BUILD: Words(
        fr="Le fichier a été reçu, et n’a pas pu être converti.",
        en="The file was taken in, and could not be converted.",
    ),
}
