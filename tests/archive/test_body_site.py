"""The body sites: all that DICOM names, found by code, French, English and what people say."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr.codedict import codes

from archive.body_site import (
    BodySite,
    Side,
    Sides,
    body_sites,
    find_site,
    search_sites,
    site_of_code,
)
from archive.errors import InvalidSite
from archive.identity import LO_CHARACTERS

CID_4029 = {
    (one.scheme_designator, one.value): one.meaning for one in codes.CID4029.concepts.values()
}
sites = st.sampled_from(body_sites())
sides = st.sampled_from(Side)


def without_accents(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.replace("œ", "oe").replace("Œ", "OE"))
    return "".join(one for one in plain if not unicodedata.combining(one))


def test_every_concept_of_the_standard_is_there_with_its_own_meaning() -> None:
    assert len(CID_4029) == 207
    assert {(site.scheme, site.code): site.en for site in body_sites()} == CID_4029
    assert len(body_sites()) == len({site.code for site in body_sites()}) == 207


def test_every_site_has_a_french_name_of_its_own() -> None:
    names = [site.fr for site in body_sites()]
    assert len({name.casefold() for name in names}) == 207
    for site in body_sites():
        assert site.fr == site.fr.strip()
        assert site.fr[0].isupper()
        assert site.fr != site.en or site.fr in {"Tragus", "Antitragus", "Iris"}
        assert len(site.en) <= LO_CHARACTERS


@given(sites, st.sampled_from([str.upper, str.lower, str.title, without_accents]))
def test_each_is_found_by_its_names_however_they_are_written(
    site: BodySite, written: Callable[[str], str]
) -> None:
    assert find_site(written(site.fr)) is site
    assert find_site(written(site.en)) is site
    if site.code != "39937001":
        assert find_site(f" peau de {written(site.fr)} ") is site
    assert search_sites(written(site.fr))[0] is site


@given(sites)
def test_each_is_found_by_its_code(site: BodySite) -> None:
    assert find_site(site.code) is find_site(f"{site.scheme}:{site.code}") is site
    assert site_of_code(f"{site.scheme.lower()}:{site.code}") is site
    assert search_sites(site.code) == (site,)


@given(sites, st.data())
def test_what_is_typed_so_far_keeps_what_is_meant_in_the_list(
    site: BodySite, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([site.fr, site.en, *site.also]))
    begun = name[: data.draw(st.integers(0, len(name)))]
    assert site in search_sites(begun)


@given(sites, st.none() | sides)
def test_a_side_is_asked_of_what_is_paired_and_of_nothing_else(
    site: BodySite, stated: Side | None
) -> None:
    assert site.is_paired == (site.sides is Sides.PAIRED)
    possible: set[Side | None]
    if site.is_paired:
        possible = {Side.LEFT, Side.RIGHT, Side.BOTH}
    else:
        possible = {None, Side.LEFT if site.sides is Sides.LEFT else Side.UNPAIRED}
    if stated in possible:
        assert site.side(stated) == (
            stated or (Side.LEFT if site.sides is Sides.LEFT else Side.UNPAIRED)
        )
    else:
        with pytest.raises(InvalidSite, match="side"):
            site.side(stated)


@given(st.text(max_size=40))
def test_any_text_finds_one_site_or_is_told_why_not(text: str) -> None:
    try:
        found, told = find_site(text), ""
    except InvalidSite as refusal:
        found, told = body_sites()[0], str(refusal)
    assert found in body_sites()
    assert "\n" not in told
    assert len(told) < 500


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("nombril", "315003"),
        ("tempe", "16621002"),
        ("temple", "16621002"),
        ("MOLLET", "47224004"),
        ("aine", "39687006"),
        ("creux axillaire", "76261009"),
        ("forearm anterior", "70559009"),
        ("dos", "66643007"),
        ("visage", "73897004"),
        ("lombes", "113182001"),
        ("peau", "39937001"),
    ],
)
def test_what_people_say(said: str, code: str) -> None:
    assert find_site(said).code == code


def test_what_may_be_several_is_told_with_their_codes() -> None:
    with pytest.raises(InvalidSite, match=r"Face antérieure de l’avant-bras \(70559009\)"):
        find_site("avant-bras")
    with pytest.raises(InvalidSite, match="and 7 more"):
        find_site("ongle")


@pytest.mark.parametrize("none", ["queue", "12345", "FMA:39937001", "SCT:"])
def test_what_is_no_site_is_refused(none: str) -> None:
    with pytest.raises(InvalidSite):
        find_site(none)


def test_everything_is_listed_from_head_to_foot() -> None:
    assert search_sites("") == body_sites()
    order = [site.region for site in body_sites()]
    assert order == sorted(order, key=list(dict.fromkeys(order)).index)
    assert set(order) == {
        "skin",
        "head",
        "mouth",
        "neck",
        "trunk",
        "genitals",
        "upper-limb",
        "lower-limb",
    }
