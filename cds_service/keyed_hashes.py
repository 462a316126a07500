"""Hashes that stand for patients, prescribers and orders.

With the key the records of a known patient can be found; without it nobody can be told from them.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from hashlib import blake2b
from pathlib import Path

KEY_FILE = "key"
KEY_BYTES = 32
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST_KEY = blake2b.MAX_KEY_SIZE


def keyed_hash(key: bytes, *parts: str) -> str:
    """Keyed BLAKE2b (RFC 7693) of ``parts`` in their order, 128 bits, as hexadecimal digits.

    An answer makes six of them, and an HMAC by way of OpenSSL takes five times as long.
    """
    if len(key) > _LONGEST_KEY:
        key = blake2b(key).digest()
    return blake2b("\0".join(parts).encode(), digest_size=16, key=key).hexdigest()


def is_uuid(text: str) -> bool:
    """Whether ``text`` is a UUID in the common form; anything else may say something of a patient."""
    return _UUID.fullmatch(text) is not None


def new_key() -> str:
    """A fresh key, as hexadecimal digits."""
    return secrets.token_hex(KEY_BYTES)


def kept_key(folder: Path, name: str = KEY_FILE) -> bytes:
    """The key kept in ``folder``, made by whoever comes first. Raises ``OSError``."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name
    if not path.exists():
        made = folder / f"{name}.{os.getpid()}.{threading.get_ident()}"
        made.touch(mode=0o600)
        made.write_text(new_key(), "ascii")
        try:
            os.link(made, path)  # whole or not at all, and never over another's
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_bytes()
