"""Which EHR calls, shown by a JSON Web Token (CDS Hooks, "Trusting CDS Clients").

:class:`ClientsFile` holds who is registered, :class:`KeyRing` their public keys,
:class:`Authenticator` puts both together. How token ids are kept between workers,
and how a key set is fetched, is passed in::

    from pathlib import Path
    from cds_service.cds_hooks import HookOptions
    from cds_service.cds_hooks.authentication import Authenticator, ClientsFile, KeyRing, MemoryTokenIds
    from cds_service.outbound import PUBLIC, read_document

    authenticator = Authenticator(
        clients=ClientsFile(Path("clients.toml")).current,
        keys=KeyRing(lambda client, url: read_document(url, PUBLIC, user_agent="my-service")),
        token_ids=MemoryTokenIds(),
    )
    options = HookOptions(
        authenticate=lambda request: authenticator.caller(
            request.headers.get("Authorization"), "https://clinic.example.org" + request.path
        )
    )
"""

from cds_service.cds_hooks.authentication.authenticator import Authenticator, Caller
from cds_service.cds_hooks.authentication.keys import KeyRing
from cds_service.cds_hooks.authentication.refusals import Refusal, TokenRefused
from cds_service.cds_hooks.authentication.registry import Client, Clients, ClientsFile, read_clients
from cds_service.cds_hooks.authentication.token_ids import MemoryTokenIds, TokenIds, digest

__all__ = [
    "Authenticator",
    "Caller",
    "Client",
    "Clients",
    "ClientsFile",
    "KeyRing",
    "MemoryTokenIds",
    "Refusal",
    "TokenIds",
    "TokenRefused",
    "digest",
    "read_clients",
]
