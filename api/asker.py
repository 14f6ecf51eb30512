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

ASKED_AT_ONCE = 8
WAITING = 64
REMEMBERED = 256
REMEMBERED_S = 30.0


class Asker:
    """What archives said lately, in this process alone. For one event loop."""

    def __init__(self, archives: Collection[RadiologyArchive]) -> None:
        self._archives = tuple(archives)
        self._threads = ThreadPoolExecutor(ASKED_AT_ONCE, "ask")
        # By all that is known of the patient: who is corrected is asked for anew. What failed is
        # asked again.
        self._said: Shelf[tuple[str, Patient], Answered] = Shelf(
            REMEMBERED,
            self._threads,
            lasts_s=REMEMBERED_S,
            waiting=WAITING,
            lasts=lambda one: one.state is not AnswerState.SILENT,
        )

    def close(self) -> None:
        """Stop, once what is under way has ended."""
        self._threads.shutdown(cancel_futures=True)

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
        return await self._said.take((rule.name, patient), partial(ask, rule, patient))
