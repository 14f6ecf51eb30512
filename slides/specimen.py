"""The glass, what lies on it and how it was prepared, as DICOM says it.

Source: PS3.3 C.7.6.22 (Specimen), PS3.16 TID 8001, 8002 and 8003 (preparation steps).
"""

from collections.abc import Callable

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from slides.slide import Code, Specimen

GLASS_SLIDE = Code("433466003", "SCT", "Microscope slide")
SPECIMEN_IDENTIFIER = Code("121041", "DCM", "Specimen Identifier")
PROCESSING_TYPE = Code("111701", "DCM", "Processing type")
STEP = Code("111703", "DCM", "Processing step description")
SAMPLING_METHOD = Code("111704", "DCM", "Sampling Method")
PARENT_IDENTIFIER = Code("111705", "DCM", "Parent Specimen Identifier")
PARENT_TYPE = Code("111707", "DCM", "Parent specimen type")
FIXATIVE = Code("430864009", "SCT", "Tissue Fixative")
EMBEDDING_MEDIUM = Code("430863003", "SCT", "Embedding medium")
SUBSTANCE = Code("424361007", "SCT", "Using substance")

COLLECTION = Code("17636008", "SCT", "Specimen collection")
PROCESSING = Code("9265001", "SCT", "Specimen processing")
SAMPLING = Code("433465004", "SCT", "Sampling of tissue specimen")
STAINING = Code("127790008", "SCT", "Staining")
BLOCK_SECTIONING = Code("434472006", "SCT", "Block sectioning")
TISSUE = Code("119376003", "SCT", "Tissue specimen")

Said = tuple[Code, Code | str]
"""One content item: its concept's name, and its value."""


def code_item(code: Code) -> Dataset:
    """A code as an item of a code sequence."""
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme
    item.CodeMeaning = code.meaning
    return item


def specimen_module(
    specimen: Specimen, text: Callable[[str | None], str], uid: Callable[[str, str], str]
) -> Dataset:
    """Specimen module (C.7.6.22); `text` makes an LO of what was said, `uid` a specimen's UID."""
    container = text(specimen.container_identifier) or "Unknown"
    module = Dataset()
    module.ContainerIdentifier = container
    module.IssuerOfTheContainerIdentifierSequence = Sequence()
    module.ContainerTypeCodeSequence = Sequence([code_item(GLASS_SLIDE)])
    descriptions = []
    for identifier in specimen.specimen_identifiers or (container,):
        item = Dataset()
        item.SpecimenIdentifier = text(identifier) or "Unknown"
        item.IssuerOfTheSpecimenIdentifierSequence = Sequence()
        item.SpecimenUID = uid("specimen", identifier)
        if specimen.kind is not None:
            item.SpecimenTypeCodeSequence = Sequence([code_item(specimen.kind)])
        if specimen.description is not None:
            item.SpecimenShortDescription = text(specimen.description)
        if specimen.body_site is not None:
            item.PrimaryAnatomicStructureSequence = Sequence([_site(specimen)])
        item.SpecimenPreparationSequence = Sequence(
            _step(item.SpecimenIdentifier, said) for said in _steps(specimen, text)
        )
        descriptions.append(item)
    module.SpecimenDescriptionSequence = Sequence(descriptions)
    return module


def _site(specimen: Specimen) -> Dataset:
    site = code_item(specimen.body_site) if specimen.body_site else Dataset()
    if specimen.side is not None:
        site.PrimaryAnatomicStructureModifierSequence = Sequence([code_item(specimen.side)])
    return site


def _steps(specimen: Specimen, text: Callable[[str | None], str]) -> list[list[Said]]:
    """What was done to the specimen, step by step in time."""
    steps: list[list[Said]] = []
    if specimen.collection is not None:
        steps.append([(PROCESSING_TYPE, COLLECTION), (COLLECTION, specimen.collection)])
    for name, concept, substance in (
        ("Fixation", FIXATIVE, specimen.fixative),
        ("Embedding", EMBEDDING_MEDIUM, specimen.embedding_medium),
    ):
        if substance is not None:
            steps.append([(PROCESSING_TYPE, PROCESSING), (STEP, name), (concept, substance)])
    if specimen.block_identifier is not None:
        cut: list[Said] = [
            (PROCESSING_TYPE, SAMPLING),
            (SAMPLING_METHOD, BLOCK_SECTIONING),
            (PARENT_IDENTIFIER, text(specimen.block_identifier)),
            (PARENT_TYPE, TISSUE),
        ]
        steps.append(cut)
    if specimen.stains:
        used: list[Said] = [(SUBSTANCE, stain) for stain in specimen.stains]
        steps.append([(PROCESSING_TYPE, STAINING), *used])
    return steps


def _step(identifier: str, said: list[Said]) -> Dataset:
    step = Dataset()
    step.SpecimenPreparationStepContentItemSequence = Sequence(
        _content(concept, value) for concept, value in [(SPECIMEN_IDENTIFIER, identifier), *said]
    )
    return step


def _content(concept: Code, value: Code | str) -> Dataset:
    item = Dataset()
    item.ValueType = "CODE" if isinstance(value, Code) else "TEXT"
    item.ConceptNameCodeSequence = Sequence([code_item(concept)])
    if isinstance(value, Code):
        item.ConceptCodeSequence = Sequence([code_item(value)])
    else:
        item.TextValue = value
    return item


def read_specimen(header: Dataset) -> Specimen:
    """What a DICOM slide says of its glass and of what lies on it; the first specimen's steps.

    Identifiers of all its specimens are kept.
    """
    described = header.get("SpecimenDescriptionSequence") or []
    first = described[0] if described else Dataset()
    said: dict[str, list[Code | str]] = {}
    for step in first.get("SpecimenPreparationSequence") or []:
        for item in step.get("SpecimenPreparationStepContentItemSequence") or []:
            name = _first_code(item, "ConceptNameCodeSequence")
            value = _first_code(item, "ConceptCodeSequence") or _plain(item, "TextValue")
            if name is not None and value:
                said.setdefault(name.value, []).append(value)

    def coded(concept: Code) -> Code | None:
        return next((one for one in said.get(concept.value, ()) if isinstance(one, Code)), None)

    sites = first.get("PrimaryAnatomicStructureSequence") or []
    parents = (one for one in said.get(PARENT_IDENTIFIER.value, ()) if isinstance(one, str))
    identifiers = (_plain(item, "SpecimenIdentifier") for item in described)
    return Specimen(
        container_identifier=_plain(header, "ContainerIdentifier"),
        specimen_identifiers=tuple(found for found in identifiers if found),
        description=_plain(first, "SpecimenShortDescription"),
        kind=_first_code(first, "SpecimenTypeCodeSequence"),
        body_site=_first_code(first, "PrimaryAnatomicStructureSequence"),
        side=_first_code(sites[0], "PrimaryAnatomicStructureModifierSequence") if sites else None,
        collection=coded(COLLECTION),
        fixative=coded(FIXATIVE),
        embedding_medium=coded(EMBEDDING_MEDIUM),
        block_identifier=next(parents, None),
        stains=tuple(dict.fromkeys(said.get(SUBSTANCE.value, ()))),
    )


def _plain(dataset: Dataset, keyword: str) -> str | None:
    return str(dataset.get(keyword) or "").strip() or None


def _first_code(dataset: Dataset, keyword: str) -> Code | None:
    for item in dataset.get(keyword) or []:
        value, scheme = _plain(item, "CodeValue"), _plain(item, "CodingSchemeDesignator")
        if value and scheme:
            return Code(value, scheme, _plain(item, "CodeMeaning") or value)
    return None
