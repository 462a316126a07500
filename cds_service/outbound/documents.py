"""Reading one small public document, such as a key set: no redirects, bounded in time and size."""

from __future__ import annotations

import threading
import time
from http.cookiejar import DefaultCookiePolicy

import requests
import urllib3

from cds_service.outbound.addresses import Reach
from cds_service.outbound.connections import AddressRefused, GuardedAdapter
from cds_service.outbound.failures import in_words
from cds_service.outbound.hangups import Calls

_CHUNK = 16_384


def read_document(
    url: str,
    reach: Reach,
    *,
    user_agent: str,
    verify: bool | str = True,
    seconds: float = 3.0,
    max_bytes: int = 512_000,
) -> bytes:
    """What ``GET url`` answers with 200. Raises ``OSError``, in words, for anything else.

    :param verify: whether TLS certificates are; or the file of those who may sign them.
    :param seconds: for all of it, name look-up aside; the connection is hung up on afterwards.
    """
    if reach.https_only and not url.lower().startswith("https://"):
        raise OSError("not https")
    calls, call, over = Calls(), object(), time.monotonic() + seconds
    end = threading.Timer(seconds, calls.hang_up, [call])
    end.start()
    try:
        with calls.noted(call), _session(reach, verify) as session:
            return _read(session, url, user_agent, over, max_bytes)
    except AddressRefused:
        raise OSError("address refused") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        late = time.monotonic() >= over  # being hung up on looks like a broken connection
        raise OSError("no answer in time" if late else in_words(error)) from None
    finally:
        end.cancel()


def _read(session: requests.Session, url: str, user_agent: str, over: float, max_bytes: int) -> bytes:
    headers = {"Accept": "application/json", "User-Agent": user_agent}
    left = over - time.monotonic()
    with session.get(url, headers=headers, timeout=left, allow_redirects=False, stream=True) as answer:
        if answer.status_code != 200:
            raise OSError(f"HTTP {answer.status_code}")
        body = b""
        # read1 returns after one read of the socket: drop by drop must not outlast the time
        while chunk := answer.raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > max_bytes:
                raise OSError("too large")
            if time.monotonic() >= over:
                break
        if time.monotonic() >= over:  # being hung up on looks like the end of an answer
            raise OSError("no answer in time")
        return body


def _session(reach: Reach, verify: bool | str) -> requests.Session:
    session = requests.Session()
    session.verify = verify
    session.trust_env = False  # neither proxies nor credentials of the host
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = GuardedAdapter(reach, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
