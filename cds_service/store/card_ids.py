"""Card uuids that carry their own proof.

Feedback may reach another replica than the one that served the card, and before the card is in
the database. So half of a card's uuid is random, the other half a keyed hash over the random half,
the client and its tenant (BLAKE2b, RFC 7693): any replica tells at once whether a card was
served, and to whom, and nothing of that can be read from the uuid. The uuids of suggestions
are made of the card's. All have the shape of a version 4 UUID (RFC 9562), of which 122 bits are free.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from hashlib import blake2b
from hmac import compare_digest

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_PROOF_BITS = 58
_MOST_SUGGESTIONS = 32
_HALF = 1 << 62


class CardIds:
    """Makes and recognises ids; ``key``, of 64 bytes at most, is asked each time, since it may come late."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._key = key

    @classmethod
    def of_the_moment(cls) -> CardIds:
        """Ids that nobody will recognise, for decisions that are not served."""
        key = os.urandom(32)
        return cls(lambda: key)

    def card(self, client: str, tenant: str) -> str:
        """A fresh id of a card for ``tenant`` of ``client``; empty for nobody in particular."""
        chance = int.from_bytes(os.urandom(8))
        return _shaped(chance << _PROOF_BITS | self._proof(chance, client, tenant))

    def suggestion(self, card: str, number: int) -> str:
        """The id of the suggestion of that number, from 0, on ``card``."""
        return _shaped(self._digest(b"suggestion", card, str(number)) >> 6)

    @staticmethod
    def is_uuid(card: str) -> bool:
        """Whether ``card`` has the form of every card's id, whoever made it."""
        return _UUID.fullmatch(card) is not None

    def is_card_of(self, card: str, client: str, tenant: str) -> bool:
        """Whether ``card`` was made here for that tenant of that client."""
        if not self.is_uuid(card):
            return False
        bits = _free_bits(card)
        chance, proof = bits >> _PROOF_BITS, bits & ((1 << _PROOF_BITS) - 1)
        return compare_digest(proof.to_bytes(8), self._proof(chance, client, tenant).to_bytes(8))

    def is_suggestion_of(self, suggestion: str, card: str) -> bool:
        """Whether ``suggestion`` can stand on ``card``; nobody can guess one that was not shown."""
        return any(suggestion == self.suggestion(card, number) for number in range(_MOST_SUGGESTIONS))

    def _proof(self, chance: int, client: str, tenant: str) -> int:
        return self._digest(chance.to_bytes(8), client, tenant) >> (128 - _PROOF_BITS)

    def _digest(self, first: bytes, *parts: str) -> int:
        """128 bits; each part with its length, so that no two series of parts are alike."""
        for part in parts:
            encoded = part.encode()
            first += b"%d:%s" % (len(encoded), encoded)
        return int.from_bytes(blake2b(first, digest_size=16, key=self._key(), person=b"card id").digest())


def _shaped(free: int) -> str:
    """122 free bits as a version 4 UUID."""
    high, low = divmod(free, _HALF)
    digits = f"{high >> 12:012x}4{high & 0xFFF:03x}{0b10 << 62 | low:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _free_bits(uuid: str) -> int:
    digits = uuid.replace("-", "")
    high = int(digits[:12], 16) << 12 | int(digits[13:16], 16)
    return high << 62 | int(digits[16:], 16) & (_HALF - 1)
