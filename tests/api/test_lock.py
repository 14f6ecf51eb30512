"""What a phone seals waiting pictures with: for one user the same, for each other another."""

import base64
from datetime import datetime

from api.doors import Bounds, Doors
from api.policies import Role
from api.settings import signing_key
from tests.api.conftest import Installation, Web


def lock(web: Web, installation: Installation, establishment: str, **bounds: str) -> dict[str, str]:
    doors = Doors(signing_key(installation.settings))
    only: Bounds = {"subject": bounds["subject"]} if bounds else {}
    token = doors.issue(Role.CONTRIBUTOR, establishment, 600, **only)
    answer = web.post("/api/me/lock", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert len(base64.b64decode(told["secret"])) == 32
    assert datetime.fromisoformat(told["expires_at"]).tzinfo is not None
    return dict(told)


def test_a_user_who_comes_back_is_given_the_same_lock(web: Web, installation: Installation) -> None:
    first, again = (lock(web, installation, "north", subject="ward") for _ in range(2))
    assert (first["user"], first["secret"]) == (again["user"], again["secret"])
    assert "ward" not in str(first)


def test_each_other_user_is_given_another_lock(web: Web, installation: Installation) -> None:
    told = [
        lock(web, installation, "north", subject="ward"),
        lock(web, installation, "south", subject="ward"),
        lock(web, installation, "north", subject="other"),
        lock(web, installation, "north"),
    ]
    assert len({one["user"] for one in told}) == len({one["secret"] for one in told}) == 4


def test_readers_have_no_lock(web: Web, installation: Installation) -> None:
    assert web.post("/api/me/lock", headers=installation.bearer()).status_code == 403
