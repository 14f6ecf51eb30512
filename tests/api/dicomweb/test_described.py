"""What an earlier version stored is found as well."""

from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from api.describing import Describing
from api.ingest import Order, ingest
from api.work import Workplace
from archive import schema
from archive.query import Query
from tests.api.conftest import small_file


def test_what_was_stored_before_is_found_again(place: Workplace, tmp_path: Path) -> None:
    ingest(place, small_file(tmp_path), Order("north"))
    instances = place.catalog.instances
    before = instances.instances(Query(), establishment=None)
    assert before
    assert not Describing().some(place)
    with place.catalog._database.write() as connection:
        for table in (schema.instance, schema.series):
            connection.execute(sa.delete(table))
    assert instances.instances(Query(), establishment=None) == []
    damaged = before[0]
    place.storage.delete(damaged.key)
    describing = Describing()
    assert describing.some(place)
    assert not describing.some(place)
    found = instances.instances(Query(), establishment=None)
    kept = [one for one in before if one != damaged]
    assert [replace(one, study=kept[0].study) for one in found] == kept
    assert found[0].study.instances == len(kept)
