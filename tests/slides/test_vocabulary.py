"""The names of stains, sites and substances stand for codes of the standard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr.codedict import codes

from slides import vocabulary
from slides.errors import InvalidMetadata
from slides.slide import Code
from slides.vocabulary import Terms, look_up

ALL = [value for value in vars(vocabulary).values() if isinstance(value, Terms)]
HEMATOXYLIN = Code("12710003", "SCT", "hematoxylin stain")
EOSIN = Code("36879007", "SCT", "water soluble eosin stain")


@pytest.mark.parametrize("terms", ALL, ids=lambda terms: str(terms.kind))
def test_every_code_is_in_its_group_of_the_standard(terms: Terms) -> None:
    known = {
        (one.value, one.scheme): one.meaning.casefold()
        for number in terms.groups
        for one in vocabulary.in_the_standard(number)
    }
    used = {code for group in terms.names.values() for code in group}
    wrong = [
        code
        for code in used
        # Five letters: the standard has long names, and a misspelt peritoneum.
        if not known.get((code.value, code.scheme), "").startswith(code.meaning.casefold()[:5])
    ]
    assert wrong == []
    assert len(used) >= 2


@pytest.mark.parametrize(
    "name", ["HE", "h&e", "H & E", "Hématoxyline-éosine", "hematoxyline eosine"]
)
def test_one_stain_has_many_spellings(name: str) -> None:
    assert look_up(name, vocabulary.STAINS) == (HEMATOXYLIN, EOSIN)


def test_names_are_french_and_english() -> None:
    for french, english, terms in (
        ("Trichrome de Masson", "Masson's trichrome", vocabulary.STAINS),
        ("formol tamponné", "neutral buffered formalin", vocabulary.FIXATIVES),
        ("paraffine", "paraffin", vocabulary.EMBEDDING_MEDIA),
        ("peau", "skin", vocabulary.BODY_SITES),
        ("œsophage", "esophagus", vocabulary.BODY_SITES),
        ("gauche", "Left", vocabulary.SIDES),
        ("biopsie", "biopsy", vocabulary.COLLECTIONS),
    ):
        assert look_up(french, terms) == look_up(english, terms)


def test_every_term_of_the_standard_is_known() -> None:
    for one in codes.CID8112.concepts.values():
        (found,) = look_up(one.meaning, vocabulary.STAINS)
        assert found.value == one.value
    assert look_up("fast red B salt", vocabulary.STAINS)[0].value == "40718007"


def test_a_code_can_be_given_as_it_is() -> None:
    code = Code("1234", "99LOCAL", "House stain")
    assert look_up("1234^99LOCAL^House stain", vocabulary.STAINS) == (code,)


@pytest.mark.parametrize("name", ["1234^99LOCAL", "^SCT^stain", "1^2^3^4", "1" * 17 + "^SCT^x"])
def test_what_is_no_code_is_refused(name: str) -> None:
    with pytest.raises(InvalidMetadata, match="VALUE\\^SCHEME\\^MEANING"):
        look_up(name, vocabulary.STAINS)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidMetadata, match=r"known are HE, HES, .*CID 8112"):
        look_up("purple", vocabulary.STAINS)


@given(st.text(), st.sampled_from(ALL))
def test_any_text_has_codes_or_a_reason(name: str, terms: Terms) -> None:
    try:
        assert look_up(name, terms)
    except InvalidMetadata as error:
        assert "\n" not in str(error)  # noqa: PT017
