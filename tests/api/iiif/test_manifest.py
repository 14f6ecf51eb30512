"""The manifest of an exam."""

import io

from PIL import Image

from tests.api.conftest import ORIGIN, Installation, Web
from tests.api.iiif.conftest import HEIGHT, WIDTH


def test_a_manifest_is_the_exam_and_nothing_of_the_patient(
    reader: Web, installation: Installation
) -> None:
    """Presentation API 3.0 §3, §5.2, §5.3, §5.5, §5.6."""
    exam, image = installation.exams["north"], installation.images["north"]
    answer = reader.get(f"/iiif/presentation/3/{exam}/manifest")
    context = "http://iiif.io/api/presentation/3/context.json"
    assert answer.headers["content-type"] == f'application/ld+json;profile="{context}"'
    assert answer.headers["access-control-allow-origin"] == "*"
    told = answer.json()
    assert told["@context"] == context
    assert told["id"] == f"{ORIGIN}/iiif/presentation/3/{exam}/manifest"
    assert told["type"] == "Manifest"
    assert set(told["label"]) == {"fr", "en"}
    (canvas,) = told["items"]
    assert canvas["type"] == "Canvas"
    assert (canvas["width"], canvas["height"]) == (WIDTH, HEIGHT)
    assert canvas["label"] == {"fr": ["Lame 1"], "en": ["Slide 1"]}
    (page,) = canvas["items"]
    (annotation,) = page["items"]
    assert (page["type"], annotation["type"]) == ("AnnotationPage", "Annotation")
    assert annotation["motivation"] == "painting"
    assert annotation["target"] == canvas["id"]
    body = annotation["body"]
    service = {"id": f"{ORIGIN}/iiif/3/{image}", "type": "ImageService3", "profile": "level2"}
    assert body["type"] == "Image"
    assert body["service"] == [service]
    assert (body["width"], body["height"]) == (WIDTH, HEIGHT)
    (physical,) = canvas["service"]
    assert physical["profile"] == "http://iiif.io/api/annex/services/physdim"
    assert (physical["physicalScale"], physical["physicalUnits"]) == (0.0005, "mm")
    ids = [one["id"] for one in (told, canvas, page, annotation, body)]
    assert len(set(ids)) == len(ids)
    for traitor in ("SPECIMEN", "registry", "A1", "1970", "north", "svs"):
        assert traitor not in answer.text.replace("iiif/3/", "")
    for one in (body, canvas["thumbnail"][0], told["thumbnail"][0]):
        picture = reader.get(one["id"].removeprefix(ORIGIN))
        made = Image.open(io.BytesIO(picture.content))
        assert made.size == (one["width"], one["height"])


def test_a_manifest_of_nothing_is_not_found(reader: Web) -> None:
    assert reader.get("/iiif/presentation/3/absent/manifest").status_code == 404
