"""Which scans are older: a slide that was scanned again counts once, by its latest scan."""

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa

from archive import schema
from archive.cases.case import age_of
from archive.cases.schema import lab_case, scan
from archive.record import Image

_exam, _image, _case, _scan = schema.exam.c, schema.image.c, lab_case.c, scan.c


def older_scans(connection: sa.Connection, images: Iterable[Image]) -> frozenset[str]:
    """Which of these images are older scans of a slide that another of them shows too.

    A link counts while the image is in its case's exam; a slide of no case is one of its own.
    """
    known = {one.id: one for one in images}
    is_there = sa.and_(
        _case.id == _scan.case_id,
        _case.establishment_id == _exam.establishment_id,
        _case.accession_number == _exam.accession_number,
        _case.issuer == sa.func.coalesce(_exam.issuer_of_accession_number, ""),
    )
    rows = connection.execute(
        sa.select(_scan.image_id, _image.exam_id, _scan.case_id)
        .add_columns(_scan.to_specimen, _scan.to_block, _scan.to_slide)
        .select_from(
            scan.join(schema.image, _image.id == _scan.image_id)
            .join(schema.exam, _exam.id == _image.exam_id)
            .join(lab_case, is_there)
        )
        .where(_scan.image_id.in_(list(known)))
    )
    slides: dict[tuple[str, ...], list[Image]] = defaultdict(list)
    for image_id, *place in rows:
        slides[tuple(place)].append(known[image_id])
    return frozenset(one.id for scans in slides.values() for one in sorted(scans, key=age_of)[:-1])
