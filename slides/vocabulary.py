"""Names that people write, in French or English, and the DICOM codes they stand for.

The codes are those of PS3.16: stains (CID 8112), fixatives (8114), embedding media (8115), ways of
collection (8109), kinds of specimens (8103), body sites (4031 and 8134), sides (244), light (8123).
"""

import unicodedata
from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple

from archive.identity import LO_CHARACTERS
from slides.errors import InvalidMetadata
from slides.slide import Code


class Terms(NamedTuple):
    """One kind of names: what people call it, its everyday names, and PS3.16's whole groups."""

    kind: str
    names: Mapping[str, tuple[Code, ...]]
    groups: tuple[int, ...]
    everyday: tuple[str, ...]


def _plain(name: str) -> str:
    """A name without case, accents, spaces and punctuation."""
    whole = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in whole if letter.isalnum())


def _terms(kind: str, groups: tuple[int, ...], table: str, scheme: str = "SCT") -> Terms:
    """Read a table: a line a concept, `names, …: code = meaning; …`, the first name the usual."""
    names: dict[str, tuple[Code, ...]] = {}
    everyday = []
    for line in table.strip().splitlines():
        said, _, coded = line.partition(":")
        codes = tuple(
            Code(value.strip(), scheme, meaning.strip())
            for value, _, meaning in (one.partition("=") for one in coded.split(";"))
        )
        spellings = [name.strip() for name in said.split(",")]
        everyday.append(spellings[0])
        names |= dict.fromkeys(map(_plain, spellings), codes)
    return Terms(kind, names, groups, tuple(everyday))


STAINS = _terms(
    "stain",
    (8112,),
    """
HE, H&E, HE colour, hématoxyline éosine, hematoxylin eosin, haematoxylin and eosin, hematoxylin and eosin: 12710003 = hematoxylin stain; 36879007 = water soluble eosin stain
HES, hématoxyline éosine safran, HPS: 12710003 = hematoxylin stain; 36879007 = water soluble eosin stain; 38271009 = saffron stain
hématoxyline, hematoxylin, haematoxylin: 12710003 = hematoxylin stain
éosine, eosin: 36879007 = water soluble eosin stain
PAS, periodic acid Schiff, acide periodique Schiff: 255808002 = periodic acid Schiff stain
Giemsa: 373646006 = giemsa stain
MGG, May-Grünwald Giemsa: 255803006 = may-Grunwald giemsa stain
trichrome, Masson, trichrome de Masson, Masson trichrome, Masson's trichrome: 406989007 = trichrome stain
Perls, Prussian blue, bleu de Prusse: 406452004 = Prussian blue stain
Ziehl, Ziehl-Neelsen, ZN: 255813003 = Ziehl-Neelsen stain
Gram: 385484003 = gram stain
Congo red, rouge Congo, Congo: 45106005 = Congo red stain
Alcian blue, bleu alcian, BA: 4656000 = alcian blue 8GX stain
Alcian blue PAS, bleu alcian PAS, AB-PAS, PAS-BA: 4656000 = alcian blue 8GX stain; 255808002 = periodic acid Schiff stain
silver, argent, réticuline, reticulin, Gordon-Sweet, Grocott, GMS, Warthin-Starry, Jones: 406951002 = silver stain
orcein, orcéine: 406966004 = orcein stain
Sirius red, rouge Sirius, picrosirius: 51567006 = sirius red F3B stain
Van Gieson: 406957003 = Van Gieson stain
Verhoeff: 406992006 = verhoeff's hematoxylin stain
elastic Van Gieson, EVG, Verhoeff-Van Gieson: 406992006 = verhoeff's hematoxylin stain; 406957003 = Van Gieson stain
toluidine blue, bleu de toluidine: 29522004 = toluidine blue stain
oil red O, rouge à l'huile: 40808006 = oil red O stain
mucicarmine, mucicarmin: 406964001 = mucicarmine stain
Luxol, Luxol fast blue: 406958008 = luxol fast blue stain
cresyl violet, violet de crésyl, Nissl: 406959000 = cresyl violet stain
PTAH: 406967008 = phosphotungstic acid-hematoxylin stain
Feulgen: 255797007 = Feulgen reaction stain
Papanicolaou, Pap: 12710003 = hematoxylin stain; 54221006 = orange G stain; 36879007 = water soluble eosin stain; 89139001 = light green SF stain
auramine: 255794000 = auramine stain
colloidal iron, fer colloïdal, Hale: 406952009 = colloidal iron stain
immunofluorescence, IF: 255800009 = immunofluorescent stain
""",  # noqa: E501
)
FIXATIVES = _terms(
    "fixative",
    (8114,),
    """
formalin, formol: 431510009 = Formalin
neutral buffered formalin, NBF, formol tamponné, formol neutre tamponné: 434162003 = Neutral Buffered Formalin
formaldehyde, formaldéhyde: 111095003 = Formaldehyde
paraformaldehyde, PFA, paraformaldéhyde: 52836003 = Paraformaldehyde
Bouin: 433474002 = Bouin's fluid
Carnoy: 433338005 = Carnoy's fluid
ethanol, éthanol, alcool, alcohol: 419442005 = Ethanol
methanol, méthanol: 259221006 = Methanol
Michel: 430028007 = Michel's medium
Zenker: 433473008 = Zenker's fluid
""",  # noqa: E501
)
EMBEDDING_MEDIA = _terms(
    "embedding medium",
    (8115,),
    """
paraffin, paraffine, FFPE: 311731000 = Paraffin wax
frozen, OCT, congélation, cryostat: 433469005 = Tissue freezing medium
epoxy, époxy: 65345002 = Epoxy resin
acrylic, acrylique: 261712009 = Acrylic resin
plastic, plastique: 61088005 = Plastic
agar: 10249006 = Agar
""",
)
COLLECTIONS = _terms(
    "way of collection",
    (8109,),
    """
biopsy, biopsie: 86273004 = Biopsy
excision, exérèse, résection, resection: 65801008 = Excision
aspiration, ponction, cytoponction: 14766002 = Aspiration
scraping, grattage, curetage: 56757003 = Scraping
swab, écouvillon: 285570007 = Taking of swab
""",
)
SPECIMEN_TYPES = _terms(
    "kind of specimen",
    (8103,),
    """
tissue section, coupe, coupe tissulaire: 430856003 = Tissue section
tissue, tissu: 119376003 = tissue specimen
smear, frottis, étalement: 258433009 = Smear sample
liquid based cytology, cytologie en milieu liquide: 430346005 = Liquid based cytologic material
touch preparation, apposition, empreinte: 430855004 = Touch preparation cytologic material
tissue spot, TMA, spot: 431196006 = Tissue spot
aspirate, produit d'aspiration: 119295008 = Aspirate
""",
)
BODY_SITES = _terms(
    "body site",
    (4031, 8134),
    """
skin, peau: 39937001 = Skin
breast, sein: 76752008 = Breast
lung, poumon: 39607008 = Lung
liver, foie: 10200004 = Liver
kidney, rein: 64033007 = Kidney
lymph node, ganglion, ganglion lymphatique: 59441001 = Lymph Node
thyroid, thyroïde: 69748006 = Thyroid
parathyroid, parathyroïde: 111002 = Parathyroid
prostate: 41216001 = Prostate
bladder, vessie: 89837001 = Bladder
testis, testicule: 40689003 = Testis
uterus, utérus: 35039007 = Uterus
endometrium, endomètre: 2739003 = Endometrium
cervix, col utérin, col de l'utérus: 71252005 = Cervix
ovary, ovaire: 15497006 = Ovary
fallopian tube, trompe: 31435000 = Fallopian tube
vulva, vulve: 45292006 = Vulva
vagina, vagin: 76784001 = Vagina
placenta: 78067005 = Placenta
esophagus, oesophage, œsophage: 32849002 = Esophagus
stomach, estomac: 69695003 = Stomach
duodenum, duodénum: 38848004 = Duodenum
small intestine, intestin grêle, grêle: 30315005 = Small intestine
appendix, appendice: 66754008 = Appendix
colon, côlon: 71854001 = Colon
rectum: 34402009 = Rectum
anus: 53505006 = Anus
pancreas, pancréas: 15776009 = Pancreas
gallbladder, vésicule biliaire: 28231008 = Gallbladder
spleen, rate: 78961009 = Spleen
adrenal gland, surrénale: 23451007 = Adrenal gland
brain, cerveau, encéphale: 12738006 = Brain
spinal cord, moelle épinière: 2748008 = Spinal cord
bone marrow, moelle osseuse: 14016003 = Bone Marrow
bone, os: 272673000 = Bone
muscle: 71616004 = Muscle
pituitary, hypophyse: 56329008 = Pituitary
peritoneum, péritoine: 15425007 = Peritoneum
heart, cœur, coeur: 80891009 = Heart
pleura, plèvre: 3120008 = Pleural structure
larynx: 4596009 = Larynx
tongue, langue: 21974007 = Tongue
oral cavity, cavité buccale: 74262004 = oral cavity
lip, lèvre: 48477009 = Lip
parotid gland, parotide: 45289007 = Parotid gland
tonsil, amygdale: 75573002 = palatine tonsil
thymus: 9875009 = Thymus
soft tissue, tissus mous: 87784001 = Soft tissue
scalp, cuir chevelu: 41695006 = Scalp
eye, œil, oeil: 81745001 = Eye
""",
)
SIDES = _terms(
    "side",
    (244,),
    """
right, droite, droit, R, D: 24028007 = Right
left, gauche, L, G: 7771000 = Left
bilateral, bilatéral: 51440002 = Bilateral
""",
)
ILLUMINATIONS = _terms(
    "illumination",
    (8123,),
    """
brightfield, champ clair: 111744 = Brightfield illumination
darkfield, champ sombre, fond noir: 111745 = Darkfield illumination
fluorescence, epifluorescence: 111743 = Epifluorescence illumination
phase contrast, contraste de phase: 111747 = Phase contrast illumination
transmission: 111741 = Transmission illumination
""",
    scheme="DCM",
)


def look_up(name: str, terms: Terms) -> tuple[Code, ...]:
    """The codes that a name stands for, or those given as `VALUE^SCHEME^MEANING`.

    Every concept's own meaning in PS3.16 is a name too. Raises InvalidMetadata naming the known.
    """
    if "^" in name:
        return (_given(name),)
    plain = _plain(name)
    if plain in terms.names:
        return terms.names[plain]
    for group in terms.groups:
        found = _by_meaning(group).get(plain)
        if found is not None:
            return (found,)
    raise InvalidMetadata(
        f"{name[:40]!r} is no known {terms.kind}; known are {', '.join(terms.everyday)}, every "
        f"term of DICOM's CID {' and '.join(map(str, terms.groups))}, and VALUE^SCHEME^MEANING"
    )


def known(code: Code, terms: Terms) -> Code | None:
    """A code as this page or the standard has it, whatever meaning it came with."""
    pages = (one for codes in terms.names.values() for one in codes)
    standard = (one for group in terms.groups for one in in_the_standard(group))
    for one in chain(pages, standard):
        if (one.value, one.scheme) == (code.value, code.scheme):
            return one
    return None


def _given(name: str) -> Code:
    value, scheme, meaning = ([part.strip() for part in name.split("^")] + ["", ""])[:3]
    too_long = len(value) > 16 or len(scheme) > 16 or len(meaning) > LO_CHARACTERS
    if name.count("^") != 2 or too_long or not (value and scheme and meaning):
        raise InvalidMetadata(
            f"{name[:40]!r} is no code; write VALUE^SCHEME^MEANING, as 385484003^SCT^Gram stain"
        )
    return Code(value, scheme, meaning)


def in_the_standard(group: int) -> list[Code]:
    """The codes of a context group of PS3.16, but for keywords that two schemes share."""
    from pydicom.sr.codedict import codes  # slow to load, and mostly not needed

    collection = getattr(codes, f"CID{group}")
    found = []
    for keyword in collection.dir():
        try:
            one = getattr(collection, keyword)
        except RuntimeError:
            # Two schemes share the keyword, and pydicom does not choose.
            continue
        found.append(Code(one.value, one.scheme_designator, one.meaning[:LO_CHARACTERS]))
    return found


def _by_meaning(group: int) -> dict[str, Code]:
    """A context group by its plain meanings, with and without a last `stain`."""
    return {
        _plain(name): code
        for code in in_the_standard(group)
        for name in (code.meaning, code.meaning.removesuffix(" stain"))
    }
