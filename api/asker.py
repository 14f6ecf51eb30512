"""Archives asked on behalf of who looks at a page, remembered for a moment."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from api.archives import RadiologyArchive
from api.asking import Answered, AnswerState, ask, asked_of
from api.errors import NoSuchAddress
from api.shelf import Shelf
from archive.sharing.patients import PatientKey
from archive.studies.judge import Patient

ASKED_AT_ONCE = 4
"""Of each archive: who waits for one that is silent keeps nobody from another."""
WAITING = 64
REMEMBERED = 256
REMEMBERED_S = 30.0


class Asker:
    """What archives said lately, in this process alone. For one event loop."""

    def __init__(self, archives: Collection[RadiologyArchive]) -> None:
        self._archives = tuple(archives)
        self._said = {one.name: _Said() for one in self._archives if one.asks}

    def close(self) -> None:
        """Stop, once what is under way has ended."""
        for one in self._said.values():
            one.threads.shutdown(wait=False, cancel_futures=True)
        for one in self._said.values():
            one.threads.shutdown()

    def asked_for(self, shown: Sequence[PatientKey]) -> tuple[RadiologyArchive, ...]:
        """The archives that may hold something of a patient, each once."""
        places = dict.fromkeys(one.establishment for one in shown)
        return tuple(one for place in places for one in asked_of(self._archives, place))

    def named(
        self, name: str, shown: Sequence[PatientKey]
    ) -> tuple[RadiologyArchive, tuple[PatientKey, ...]]:
        """An archive that may be asked for a patient, with all the records to ask by.

        Raises NoSuchAddress for any other.
        """
        for one in self.asked_for(shown):
            if one.name == name:
                return one, tuple(key for key in shown if key.establishment == one.establishment)
        raise NoSuchAddress

    async def said(self, rule: RadiologyArchive, patient: Patient) -> Answered:
        """What an archive says of a patient's studies; raises TooBusy."""
        return await self._said[rule.name].shelf.take(patient, partial(ask, rule, patient))


class _Said:
    """What one archive said lately, by all that is known of the patient.

    Who is corrected is asked for anew; what failed is asked again.
    """

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(ASKED_AT_ONCE, "ask")
        self.shelf: Shelf[Patient, Answered] = Shelf(
            REMEMBERED,
            self.threads,
            lasts_s=REMEMBERED_S,
            waiting=WAITING,
            lasts=lambda one: one.state is not AnswerState.SILENT,
        )
