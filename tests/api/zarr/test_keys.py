"""Which keys exist: those that the slide owns, for who may read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.conftest import Installation, Web
from tests.api.zarr.conftest import SHARD, Owned


@pytest.mark.parametrize(
    "key",
    [
        *("", "zarr", ".zgroup", "0/.zarray", "9/zarr.json", "0/c/0/0/2", "0/c/0/1/0", "0/c/1/0/0"),
        *(
            "0/c/0/00/0",
            "0/c/0/0/0/0",
            "stored/0/c/0/0/1",
            "stored/9/c/0/0/0",
            "ZARR.JSON",
            "x" * 80,
        ),
    ],
)
def test_a_key_that_means_nothing_is_not_found(reader: Web, image: str, key: str) -> None:
    answer = reader.get(f"/zarr/{image}/{key}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


PARTS = st.sampled_from(
    [
        *("zarr.json", "stored", "c", "0", "1", "2", "3", "4", "5", "7", "00", "01", "-1", "+1"),
        *("", "c.0.0.0", "0x1", "1e0", "9999999999", ".zarray", "%30", "٣", "C"),
    ]
)


@given(key=st.lists(PARTS, min_size=1, max_size=7).map("/".join))
def test_only_keys_that_the_slide_owns_exist(owned: "Owned", key: str) -> None:
    answer = owned.web.head(f"/zarr/{owned.image}/{key}")
    # `%30` is another way to write 0 in an address, not in a key.
    asked = answer.request.url.path.removeprefix(f"/zarr/{owned.image}/")
    assert answer.status_code == (200 if asked in owned.keys else 404)


def test_every_key_that_the_slide_owns_answers(owned: Owned) -> None:
    assert {"0/c/0/0/1", "1/c/0/0/0"} < owned.keys
    for key in sorted(owned.keys):
        whole = owned.web.get(f"/zarr/{owned.image}/{key}")
        assert whole.status_code == 200
        assert int(whole.headers["content-length"]) == len(whole.content) > 0


def test_what_is_not_there_leaves_everything_as_it_was(owned: Owned) -> None:
    before = owned.state()
    for key in ("0/c/0/0/99", "0/c/0/00/0", "9/zarr.json", "stored/0/c/0/0/1", "0/c/1/0/0", "x"):
        for method in ("GET", "HEAD"):
            answer = owned.web.request(method, f"/zarr/{owned.image}/{key}")
            assert answer.status_code == 404
    assert owned.state() == before


def test_another_establishment_s_slide_is_not_there(
    reader: Web, installation: Installation
) -> None:
    for key in ("zarr.json", "0/c/0/0/0", SHARD):
        assert reader.get(f"/zarr/{installation.images['south']}/{key}").status_code == 404


def test_other_methods_are_refused(reader: Web, image: str) -> None:
    assert reader.post(f"/zarr/{image}/zarr.json").status_code == 405
