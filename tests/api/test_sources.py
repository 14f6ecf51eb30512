"""What a process remembers of images: only what is published."""

import asyncio
from pathlib import Path

from api.doors import Caller
from api.policies import Role
from api.renderer import Renderers
from api.settings import Settings
from api.sources import Sources
from api.work import Workplace
from archive.catalog import Catalog
from archive.record import Image, ImageState
from dermato.ingest import ingest_photo
from tests.dermato.archived import received
from tests.samples.photo import make_photo


def test_who_leaves_while_an_image_is_on_its_way_leaves_no_trace(
    place: Workplace, settings: Settings, tmp_path: Path
) -> None:
    file = make_photo(tmp_path / "a.jpg", width=96, height=64, seed=1)
    image = received(place.catalog, place.storage, file)
    scratch = settings.data / "scratch"
    catalog = Catalog.open(settings.database_url)
    sources = Sources(catalog, place.storage, Renderers(place.storage, scratch))
    caller = Caller(Role.READER, None, "reader", 0.0)

    async def ask() -> Image:
        leaving = asyncio.create_task(sources.image(caller, image.id))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
        assert leaving.cancelled()
        # All readers are asked once more: what was begun before has ended.
        others = (sources.image(caller, f"{number}" * 32) for number in range(8))
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.to_thread(ingest_photo, file, image, place.catalog, place.storage)
        return await sources.image(caller, image.id)

    try:
        assert asyncio.run(ask()).state is ImageState.PUBLISHED
    finally:
        sources.close()
