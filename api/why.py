"""Why a person has to see to what an archive was told, in the words of both languages."""

from typing import NamedTuple

from archive.telling.rules import NOT_TAKEN


class Words(NamedTuple):
    """One text in both languages."""

    fr: str
    en: str


WRONG_PATIENT = "The archive shows it under another patient or study; correct it there by hand."
EARLIER_IDENTITY = (
    "The archive still shows the identity of before its correction; have that message sent to it, "
    "or correct it there by hand."
)
OTHER_INS = (
    "The archive shows it with a national identifier (INS) that is not this patient's, or no "
    "longer; have it withdrawn there."
)
OTHER_ORDER = "The archive shows it under another accession number; correct it there by hand."
NOT_SHOWN = "The archive took it and does not show it; look for it there."
OTHER_PIXELS = (
    "The archive keeps other pixels than it was sent; look at both, and correct it there."
)
NOT_COMPARED = (
    "The archive keeps it in a form that cannot be compared with what it was sent; look at both."
)
REMOVE_BY_HAND = "The archive has the rejection note and still shows the image; remove it by hand."
UNKNOWN_IF_SHOWN = (
    "The archive has the rejection note and does not say what it shows; look whether it is gone."
)
NOTE_REFUSED = "The archive refuses the rejection note; look there, and remove the image by hand."
NOT_KEPT = "The archive takes it and does not promise to keep it; look for it there."
TOO_LARGE = "It is larger than this archive is to get; it stays here."
NOT_CUT = "It is larger than this archive is to get, and cannot be cut into parts; it stays here."
AS_A_PHOTOGRAPH = "The archive refuses dermoscopic photographs; it gets this one as a plain one."
SAME_NUMBER = (
    "The archive holds another patient of the same number, given by another issuer, and would "
    "show both as one; it is not sent."
)
NO_INS = (
    "The registry names patients by their national identifier (INS), and this identity is not "
    "qualified; it goes by itself once it is."
)
DOWN = "The archive does not answer; it is tried again."
UNFORESEEN = (
    "It could not be told, for a reason that nobody foresaw; the server's log has the place. It is "
    "tried again."
)
NOT_CERTAIN = (
    "The archive took it, and does not show it or promise to keep it yet; it is sent again."
)
NOT_YET = "The archive does not show the corrected identity yet; it is asked again."

_FRENCH = {
    WRONG_PATIENT: "L’archive le montre sous un autre patient ou un autre examen ; corrigez-le "
    "là-bas à la main.",
    EARLIER_IDENTITY: "L’archive montre encore l’identité d’avant la correction ; faites-lui "
    "envoyer ce message, ou corrigez-la là-bas à la main.",
    OTHER_INS: "L’archive le montre avec un identifiant national (INS) qui n’est pas, ou n’est "
    "plus, celui du patient ; faites-le retirer là-bas.",
    OTHER_ORDER: "L’archive le montre sous un autre numéro de demande ; corrigez-le là-bas à la "
    "main.",
    NOT_SHOWN: "L’archive l’a pris et ne le montre pas ; cherchez-le là-bas.",
    OTHER_PIXELS: "L’archive garde d’autres pixels que ceux envoyés ; comparez les deux et "
    "corrigez là-bas.",
    NOT_COMPARED: "L’archive le garde sous une forme qui ne peut être comparée à l’envoi ; "
    "regardez les deux.",
    REMOVE_BY_HAND: "L’archive a reçu la note de rejet et montre encore l’image ; retirez-la à la "
    "main.",
    UNKNOWN_IF_SHOWN: "L’archive a reçu la note de rejet et ne dit pas ce qu’elle montre ; "
    "vérifiez que l’image a disparu.",
    NOTE_REFUSED: "L’archive refuse la note de rejet ; vérifiez là-bas, et retirez l’image à la "
    "main.",
    NOT_KEPT: "L’archive le prend et ne s’engage pas à le garder ; cherchez-le là-bas.",
    TOO_LARGE: "Il est plus gros que ce que cette archive doit recevoir ; il reste ici.",
    NOT_CUT: "Il est plus gros que ce que cette archive doit recevoir, et ne peut être découpé ; "
    "il reste ici.",
    NOT_TAKEN: "La table de l’archive ne reçoit plus d’objets de ce genre ; celui-ci n’a pas été "
    "envoyé.",
    AS_A_PHOTOGRAPH: "L’archive refuse les photographies dermoscopiques ; elle reçoit celle-ci "
    "comme photographie ordinaire.",
    SAME_NUMBER: "L’archive a un autre patient de même numéro, donné par un autre émetteur, et "
    "montrerait les deux comme un seul ; l’image n’est pas envoyée.",
    NO_INS: "Le registre désigne les patients par leur INS, et cette identité n’est pas "
    "qualifiée ; l’envoi se fera de lui-même dès qu’elle le sera.",
    DOWN: "L’archive ne répond pas ; un nouvel essai suivra.",
    UNFORESEEN: "L’envoi échoue pour une raison imprévue ; le journal du serveur en dit le lieu. "
    "Un nouvel essai suivra.",
    NOT_CERTAIN: "L’archive l’a pris, et ne le montre pas ou ne s’engage pas encore à le garder ; "
    "nouvel envoi plus tard.",
    NOT_YET: "L’archive ne montre pas encore l’identité corrigée ; nouvel essai plus tard.",
}
_REFUSED = "L’archive refuse l’objet ; son journal dit pourquoi."
"""For what an archive says by a number, which the English text has."""


def words(reason: str | None) -> Words | None:
    """A reason in both languages."""
    return None if reason is None else Words(_FRENCH.get(reason, _REFUSED), reason)
