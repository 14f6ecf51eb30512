"""Images that an exam of another patient holds, once a merge was taken back: they are moved."""

from collections.abc import Collection

import sqlalchemy as sa

from archive import moves, schema
from archive.homeward import hide
from archive.identities.pointers import IMAGE, survivor
from archive.identities.schema import home
from archive.identity import PatientIdentity
from archive.move import Author, Destination
from archive.reports.filing import decide_anew

_exam, _image, _patient = schema.exam.c, schema.image.c, schema.patient.c


def send_home(connection: sa.Connection, involved: Collection[int], author: Author) -> None:
    """Move the images of these patients' exams home that came by a number of somebody else.

    What reports say without an instance cannot move alone: it is decided anew. Raises
    TransitionRefused where one of them is still being prepared.
    """
    found = connection.execute(
        sa.select(_image.id, _exam.patient_row, home.c.whom)
        .select_from(
            schema.image.join(schema.exam, _exam.id == _image.exam_id).join(
                home, sa.and_(home.c.kind == IMAGE, home.c.row_id == _image.id)
            )
        )
        .where(_exam.patient_row.in_(list(involved)))
        .order_by(_image.id)
    ).all()
    for row in found:
        if survivor(connection, row.whom) == row.patient_row:
            continue
        number = sa.select(_patient.patient_id, _patient.issuer).where(_patient.id == row.whom)
        to = Destination(PatientIdentity(*connection.execute(number).one()))
        moves.ask(connection, [row.id], to, author, establishment=None)
        hide(connection, row.id)
    decide_anew(connection, involved)
