"""What results say in words, and results that are none as people read them."""

from api.hl7.message import DELETED, Segment

_CODED = frozenset({"CE", "CF", "CNE", "CWE"})
_MOST_COMPONENTS = 12


def lines(one: Segment, number: int) -> list[str]:
    """The lines of a field of text; one that is empty is a blank line."""
    said = [one.text(number, each) for each in one.repetitions(number)] or [""]
    if said == [DELETED]:
        return [""]
    return [line.rstrip() for each in said for line in each.splitlines() or [""]]


def measured(obx: Segment) -> str:
    """What was found and how much, of a result that is no text: its names, else its values."""
    values = (_value(obx, each) for each in obx.repetitions(5))
    said = " ".join(filter(None, (", ".join(values), obx.value(6))))
    return f"{obx.value(3, 2) or obx.value(3)} : {said}"


def _value(obx: Segment, repetition: int) -> str:
    """A value of OBX-5, with all that its data type has to say (HL7 v2.5.1, 2.A)."""
    kind = obx.value(2)
    parts = [obx.value(5, one, repetition=repetition) for one in range(1, _MOST_COMPONENTS + 1)]
    if kind in _CODED:
        # The text, that of the other code, or what was written before it was coded.
        code, text, other, original = parts[0], parts[1], parts[4], parts[8]
        return text or other or original or code
    # SN: a comparator, a number, and what divides it from another one.
    return ("" if kind == "SN" else " ").join(filter(None, parts))
