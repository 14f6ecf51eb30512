"""What a stranger's browser carries from another system to our page, so that nobody reads it."""

import base64
import hmac
import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken

from api.errors import NotSignedIn

LASTS_S = 600


class Seal:
    """Seals and opens requests with the installation's key; what is sealed opens for a while."""

    def __init__(self, key: bytes) -> None:
        own = hmac.digest(key, b"sansverre.invocation.1", "sha256")
        self._fernet = Fernet(base64.urlsafe_b64encode(own))

    def close(self, parameters: Mapping[str, str]) -> str:
        """The parameters as letters that may stand in an address, and mean nothing to others."""
        return self._fernet.encrypt(json.dumps(dict(parameters)).encode()).decode().rstrip("=")

    def open(self, sealed: str) -> dict[str, str]:
        """The parameters; raises NotSignedIn for what was not sealed here, or too long ago."""
        try:
            text = self._fernet.decrypt(sealed + "=" * (-len(sealed) % 4), ttl=LASTS_S)
        except (InvalidToken, ValueError) as error:
            raise NotSignedIn("this request was sealed too long ago, or not here") from error
        opened: dict[str, str] = json.loads(text)
        return opened
