"""What PS3.18 asks of whoever retrieves and searches, by service."""

from tests.api.dicomweb.contract import (
    common,
    described,
    modelled,
    negotiated,
    rendered,
    retrieved,
    searched,
)
from tests.api.dicomweb.contract.server import CLAUSES, Clause, Request, Server

MODULES = (common, described, negotiated, retrieved, rendered, searched, modelled)
__all__ = ["CLAUSES", "MODULES", "Clause", "Request", "Server"]
