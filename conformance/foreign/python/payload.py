"""Payloads with the content of the conformance suite (payload.rs): each byte follows from its position and the size."""

from functools import lru_cache

MASK = (1 << 64) - 1
WORD = 8

# The largest message that either side takes, in bytes.
MAX_MESSAGE = 64 * 1024 * 1024

# Sizes with the first and the last bytes of their content, as the Rust function makes them.
KNOWN = {
    1: ("c1", "c1"),
    7: ("a53c36d76cec99", "a53c36d76cec99"),
    9: ("a83d7e35de181749", "3d7e35de18174969"),
    1000: ("b74f03b5b19418e7", "3b214884c4653e7e"),
    65537: ("c4b38d91aa15a7c5", "5d71cde8cb385b7c"),
}


class WrongContent(Exception):
    """A payload is not what its size says it must be."""


# The cases use few sizes, a thousand times some of them.
@lru_cache(maxsize=8)
def content(size):
    """The bytes of a payload of `size` bytes."""
    made = b"".join(_word_at(size, start) for start in range(0, size, WORD))
    return made[:size]


def verify(body):
    """Raises WrongContent unless `body` is the content of its own length."""
    expected = content(len(body))
    if body == expected:
        return
    offset = next(i for i, (e, f) in enumerate(zip(expected, body)) if e != f)
    raise WrongContent(
        f"payload of {len(body)} bytes is wrong at byte {offset}: "
        f"{body[offset]:#04x} instead of {expected[offset]:#04x}"
    )


def _word_at(size, start):
    """The word at byte `start` of a payload of `size` bytes: the two, mixed by the finaliser of SplitMix64."""
    z = (size * 0x9E3779B97F4A7C15 + start + 1) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return (z ^ (z >> 31)).to_bytes(WORD, "little")


def _check_known():
    """Both peers of a call could be wrong in the same way; so neither starts unless it agrees with the Rust function."""
    for size, (first, last) in KNOWN.items():
        made = content(size)
        if (made[:WORD].hex(), made[-WORD:].hex()) != (first, last):
            raise AssertionError(f"the content of {size} bytes is not that of the Rust function")


_check_known()
