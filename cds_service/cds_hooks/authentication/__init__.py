"""Which EHR calls, shown by a JSON Web Token (CDS Hooks, "Trusting CDS Clients").

:class:`ClientsFile` holds who is registered, :class:`KeyRing` their public keys,
:class:`Authenticator` puts both together. How token ids are kept between workers,
and how a key set is fetched, is passed in.
"""

from cds_service.cds_hooks.authentication.authenticator import Authenticator, Caller, TokenIds
from cds_service.cds_hooks.authentication.keys import KeyRing
from cds_service.cds_hooks.authentication.refusals import Refusal, TokenRefused
from cds_service.cds_hooks.authentication.registry import Client, Clients, ClientsFile, read_clients

__all__ = [
    "Authenticator",
    "Caller",
    "Client",
    "Clients",
    "ClientsFile",
    "KeyRing",
    "Refusal",
    "TokenIds",
    "TokenRefused",
    "read_clients",
]
