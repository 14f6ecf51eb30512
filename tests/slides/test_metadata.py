"""What is said of a slide: read from files, weighed, and written into headers that others read."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import highdicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from slides.convert import Request, convert
from slides.errors import InvalidMetadata, MissingFile
from slides.header import Context, Picture, header
from slides.metadata import Metadata, applied, context_of, decide, sources
from slides.metadata_file import COLUMNS, read_metadata
from slides.slide import Code, Facts, Scanner, Specimen
from slides.specimen import read_specimen, specimen_module
from tests.samples.slide import make_slide
from tests.slides.converted import complaints
from tiles.coding import encoded
from tiles.pyramid import Level

SLIDE = Path("SV24-00001.svs")
HES = "12710003", "36879007", "38271009"
FULL_ROW = {
    "file": SLIDE.name,
    "patient_id": "4711",
    "issuer_of_patient_id": "CHU",
    "patient_name": "MARTIN^LÉA",
    "birth_date": "19700131",
    "sex": "F",
    "accession_number": "24P00123",
    "container_identifier": "24P00123-A-1-1",
    "specimen_identifier": "24P00123-A-1|24P00123-A-2",
    "specimen_description": "Punch de l'avant-bras",
    "specimen_type": "coupe",
    "body_site": "peau",
    "side": "gauche",
    "collection": "biopsie",
    "fixation": "formol tamponné",
    "embedding": "paraffine",
    "block_identifier": "24P00123-A",
    "stain": "HES|IHC Ki-67",
    "acquired_at": "2024-03-14T09:26:53+01:00",
    "serial_number": "SN-1",
    "objective_power": "40x",
    "numerical_aperture": "0,75",
    "focus_method": "auto",
}


def csv_of(path: Path, *rows: dict[str, str], delimiter: str = ",") -> Path:
    lines = [delimiter.join(rows[0])]
    lines += [delimiter.join(f'"{cell}"' for cell in row.values()) for row in rows]
    path.write_text("\r\n".join(lines), "utf-8-sig")
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_row_of_a_csv_says_what_the_slide_is(delimiter: str, tmp_path: Path) -> None:
    other = FULL_ROW | {"file": "other.svs", "patient_id": "0815"}
    file = csv_of(tmp_path / "m.csv", other, FULL_ROW, delimiter=delimiter)
    said = read_metadata(file, Path("anywhere") / SLIDE)
    assert said.patient_id == "4711"
    assert said.birth_date == date(1970, 1, 31)
    assert said.specimen_identifiers == ("24P00123-A-1", "24P00123-A-2")
    assert said.body_site == Code("39937001", "SCT", "Skin")
    assert said.numerical_aperture == 0.75
    assert said.stains is not None
    assert [one.value for one in said.stains if isinstance(one, Code)] == list(HES)
    assert said.stains[-1] == "IHC Ki-67"
    assert said.acquired_at == datetime(2024, 3, 14, 9, 26, 53, tzinfo=timezone(timedelta(hours=1)))


def test_json_says_the_same_as_csv(tmp_path: Path) -> None:
    csv = read_metadata(csv_of(tmp_path / "m.csv", FULL_ROW), SLIDE)
    listed = FULL_ROW | {"stain": ["HES", "IHC Ki-67"], "objective_power": 40}
    for number, content in enumerate((listed, [listed])):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(content), "utf-8")
        assert read_metadata(file, SLIDE) == csv


def test_one_object_without_a_name_is_about_any_slide(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    file.write_text('{"stain": "PAS"}')
    assert read_metadata(file, SLIDE) == read_metadata(file, Path("b.svs"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("file,colour\nSV24-00001.svs,red", "no use for the column 'colour'; known are file, "),
        ("file,stain\nSV24-00001.svs,purple", "row 1, column stain: 'purple' is no known stain"),
        ("file,stain\nb.svs,HE", "none of the 1 rows .* is about this slide"),
        ("file,stain\nSV24-00001.svs,HE\nSV24-00001.svs,PAS", "2 of the 2 rows"),
        ("stain\nHE\nPAS", "needs the column 'file'"),
        ("file,stain\nSV24-00001.svs,HE,PAS", "more cells than columns"),
        ("file,sex\nSV24-00001.svs,X", "none of F, M, O"),
        ("file,patient_name\nSV24-00001.svs,MARTIN", "fill in patient_id"),
        ("file,acquired_at\nSV24-00001.svs,yesterday", "it is no time"),
        ("file,birth_date\nSV24-00001.svs,1970", "YYYYMMDD"),
        ("file,objective_power\nSV24-00001.svs,much", "a number from 0.1 to 200"),
        ("file,study_instance_uid\nSV24-00001.svs,1.02", "no UID"),
        ("file,container_identifier\nSV24-00001.svs," + "9" * 65, "65 characters"),
        ('{"stain": {"a": 1}}', "one value is expected"),
        ("[1]", "nor a list of objects"),
        ("{", "no JSON"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    content: str, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "m"
    file.write_text(content)
    with pytest.raises(InvalidMetadata, match=reason) as caught:
        read_metadata(file, SLIDE)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        read_metadata(tmp_path / "none.csv", SLIDE)
    (tmp_path / "latin.csv").write_bytes("file,stain\né,HE".encode("latin-1"))
    with pytest.raises(InvalidMetadata, match="UTF-8"):
        read_metadata(tmp_path / "latin.csv", SLIDE)


def test_the_word_that_counts_is_the_users_then_the_orders_the_labels_the_scanners() -> None:
    facts = Facts(
        "svs",
        barcodes=("stored", "read"),
        label_barcodes=("read",),
        scanner=Scanner("Aperio", "AT2", "SN", "v1"),
        objective_power=20,
    )
    everyone = decide(
        sources(
            facts,
            given=Metadata(objective_power=40),
            order=Metadata(accession_number="A1", objective_power=10),
        )
    )
    assert everyone.metadata.objective_power == 40
    assert everyone.origins["objective_power"] == "--metadata"
    assert everyone.origins["accession_number"] == "order"
    assert everyone.metadata.container_identifier == "read"
    assert everyone.origins["container_identifier"] == "label's barcode"
    assert everyone.origins["serial_number"] == "scanner's header"
    assert decide(sources(Facts("svs", barcodes=("stored",)))).origins == {
        "container_identifier": "scanner's header"
    }
    original = Facts("dicom", label_barcodes=("read",), specimen=Specimen("C-1"))
    assert decide(sources(original)).metadata.container_identifier == "C-1"


def test_a_patient_is_not_shown() -> None:
    told = decide([("--metadata", Metadata(patient_id="4711", sex="F", model="AT2"))]).as_json()
    assert told == {
        "patient_id": {"from": "--metadata"},
        "sex": {"from": "--metadata"},
        "model": {"from": "--metadata", "value": "AT2"},
    }


def test_slides_of_one_order_are_of_one_study() -> None:
    said = Metadata(accession_number="A1")
    one, two = (context_of(said, digest, "plan") for digest in ("1", "2"))
    assert one.study_instance_uid == two.study_instance_uid
    assert one.uid("level", "0") != two.uid("level", "0")
    given_ = Metadata(study_instance_uid="1.2.3", accession_number="A1")
    assert context_of(given_, "1").study_instance_uid == "1.2.3"
    assert context_of(Metadata(), "1").study_instance_uid != one.study_instance_uid


def some_codes() -> st.SearchStrategy[Code]:
    letters = st.text("abcdefghij0123456789", min_size=1, max_size=12)
    return st.builds(Code, letters, st.sampled_from(("SCT", "DCM")), letters)


@given(
    st.builds(
        Specimen,
        container_identifier=st.text("abc", min_size=1, max_size=9),
        specimen_identifiers=st.lists(
            st.text("xyz", min_size=1, max_size=9), min_size=1, max_size=3
        ).map(tuple),
        description=st.none() | st.text("abc", min_size=1, max_size=9),
        kind=st.none() | some_codes(),
        body_site=st.none() | some_codes(),
        side=st.none(),
        collection=st.none() | some_codes(),
        fixative=st.none() | some_codes(),
        embedding_medium=st.none() | some_codes(),
        block_identifier=st.none() | st.text("abc", min_size=1, max_size=9),
        stains=st.lists(some_codes() | st.just("IHC"), unique=True, max_size=3).map(tuple),
    )
)
def test_what_is_written_of_a_specimen_reads_back(specimen: Specimen) -> None:
    module = specimen_module(specimen, str, lambda *role: "1.2.3")
    assert read_specimen(module) == specimen


def test_the_header_says_what_was_decided_and_highdicom_understands_it(tmp_path: Path) -> None:
    slide = make_slide(tmp_path / SLIDE.name, 600, 400, mpp=0.5)
    metadata = csv_of(tmp_path / "m.csv", FULL_ROW)
    report = convert(slide, tmp_path / "out", Request(metadata=metadata))
    assert complaints(tmp_path / "out") == []
    data = dcmread(tmp_path / "out" / "level-0.dcm", stop_before_pixels=True)
    assert data.PatientName == "MARTIN^LÉA"
    assert data.AccessionNumber == "24P00123"
    assert data.ContainerIdentifier == "24P00123-A-1-1"
    assert data.DeviceSerialNumber == "SN-1"
    assert data.AcquisitionDateTime == "20240314092653+0100"
    assert (data.ContentDate, data.ContentTime) == ("20240314", "092653")
    assert data.TimezoneOffsetFromUTC == "+0100"
    assert data.OpticalPathSequence[0].ObjectiveLensPower == 40
    assert data.OpticalPathSequence[0].ObjectiveLensNumericalAperture == 0.75
    first, second = (
        highdicom.SpecimenDescription.from_dataset(item)
        for item in data.SpecimenDescriptionSequence
    )
    assert (first.specimen_id, second.specimen_id) == ("24P00123-A-1", "24P00123-A-2")
    assert first.specimen_uid != second.specimen_uid
    site = data.SpecimenDescriptionSequence[0].PrimaryAnatomicStructureSequence[0]
    assert site.CodeMeaning == "Skin"
    assert site.PrimaryAnatomicStructureModifierSequence[0].CodeMeaning == "Left"
    fixed: Any
    embedded: Any
    _, fixed, embedded, *_ = first.specimen_preparation_steps
    steps: list[Any] = [one.processing_procedure for one in first.specimen_preparation_steps]
    assert steps[0].procedure.meaning == "Biopsy"
    assert fixed.fixative.meaning == "Neutral Buffered Formalin"
    assert embedded.embedding_medium.meaning == "Paraffin wax"
    assert steps[3].parent_specimen_id == "24P00123-A"
    assert [getattr(one, "value", one) for one in steps[4].substances] == [*HES, "IHC Ki-67"]
    assert report.described["stains"]["from"] == "--metadata"
    assert report.described["software"]["from"] == "scanner's header"
    again = convert(slide, tmp_path / "again", Request())
    other = dcmread(tmp_path / "again" / "level-0.dcm", stop_before_pixels=True)
    assert other.SOPInstanceUID != data.SOPInstanceUID
    assert other.ContainerIdentifier == "SV24-00001;1"
    assert again.described["container_identifier"]["from"] == "label's barcode"


LEVEL = Picture("level", 0, Level(64, 48, 64, 48), 3, encoded(3))
PARIS = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("acquired_at", "study_at", "zone", "content"),
    [
        (datetime(2024, 7, 1, 1, 0, tzinfo=PARIS), None, "+0200", "20240701010000"),
        (
            datetime(2024, 7, 1, 1, 0, tzinfo=PARIS),
            datetime(2024, 7, 2, 8, 0, tzinfo=UTC),
            "+0000",
            "20240630230000",
        ),
        (datetime(2024, 7, 1, 1, 0), datetime(2024, 7, 2, tzinfo=UTC), None, "20240701010000"),  # noqa: DTZ001
        (None, None, None, "19000101000000"),
    ],
)
def test_times_are_of_one_zone_and_it_is_named_where_it_is_known(
    acquired_at: datetime | None, study_at: datetime | None, zone: str | None, content: str
) -> None:
    facts = applied(Facts("svs"), Metadata(acquired_at=acquired_at))
    context = Context(("digest",), "1.2.3", study_at=study_at)
    data = header(LEVEL, facts, (0.5, 0.5), context)
    assert data.get("TimezoneOffsetFromUTC") == zone
    assert data.ContentDate + data.ContentTime == content


def test_every_column_is_explained() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metadata.md").read_text()
    assert [column for column in COLUMNS if f"| `{column}` |" not in page] == []
