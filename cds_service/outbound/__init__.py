"""Calls to servers whose address somebody else names: where they may lead, and how they end.

An EHR names its FHIR server, a registration its key server. :class:`Reach` says
which addresses a call may go to; the connections of :class:`GuardedAdapter`
look a name up once, check what it resolves to, and connect to just that.
"""

from cds_service.outbound.addresses import ANYWHERE, PUBLIC, Reach
from cds_service.outbound.connections import AddressRefused, GuardedAdapter
from cds_service.outbound.documents import read_document
from cds_service.outbound.hangups import Calls

__all__ = ["ANYWHERE", "PUBLIC", "AddressRefused", "Calls", "GuardedAdapter", "Reach", "read_document"]
