"""The table of issuers: one name, or one OID, never means two."""

from pathlib import Path

import pytest

from api.errors import BadSettings
from api.issuers import read_issuers
from archive.identities.ins import INS_ISSUER, NIR
from archive.identities.issuer import Issuer

ROW = '[[issuer]]\nestablishment = "A"\nname = "CHU"\n'


def test_without_a_table_every_name_is_an_issuer_of_its_own() -> None:
    assert read_issuers(None) == {}


def test_an_issuer_has_several_names_in_its_establishment(tmp_path: Path) -> None:
    file = tmp_path / "issuers.toml"
    file.write_text(
        f'{ROW}oids = ["1.2.250.1", "1.2.250.2"]\nalso = ["GAM"]\n'
        '[[issuer]]\nestablishment = "A"\nname = "CLINIQUE"\noids = ["1.2.250.3"]\n'
        '[[issuer]]\nestablishment = "B"\nname = "CHU"\noids = ["1.2.250.1"]\n'
    )
    assert read_issuers(file) == {
        "A": (
            Issuer("CHU", ("1.2.250.1", "1.2.250.2"), ("GAM",)),
            Issuer("CLINIQUE", ("1.2.250.3",)),
        ),
        "B": (Issuer("CHU", ("1.2.250.1",)),),
    }


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (f'{ROW}oids = ["1.2", "1.2"]', "'1.2' is named before"),
        (f'{ROW}oids = ["1.2"]\n{ROW}also = ["C"]', "'CHU' is named before"),
        (f'{ROW}oids = ["1.2"]\n{ROW.replace("CHU", "C")}oids = ["1.2"]', "issuer 2: '1.2'"),
        (ROW, "has one name"),
        (f'{ROW}oids = ["CHU.1"]', "an OID is written"),
        (f'{ROW}oids = "1.2"', "are lists"),
        (f"{ROW}also = [1]", "64 letters"),
        (f'{ROW}also = [" C"]', "64 letters"),
        (f'{ROW}oid = ["1.2"]', "nothing else"),
        (f'{ROW}oids = ["{NIR}"]', "the INS"),
        (f'{ROW}also = ["{INS_ISSUER}"]', "the INS"),
        (f'{ROW}also = ["Sans Verre"]', "this software"),
        ("[issuer]", "tables"),
    ],
)
def test_what_means_two_or_nothing_is_refused_by_name(tmp_path: Path, table: str, why: str) -> None:
    file = tmp_path / "issuers.toml"
    file.write_text(table)
    with pytest.raises(BadSettings, match=why):
        read_issuers(file)
