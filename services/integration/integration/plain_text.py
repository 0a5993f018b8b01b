"""Which text people may give: no control characters, and nothing that makes it read otherwise than it is."""

import unicodedata

# Bidirectional embeddings, overrides and isolates (UAX #9): they reorder what stands beside them.
_REORDERING = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_CONTROL = {"Cc", "Cs"}


def plain(text: str) -> str:
    """The text itself; raises ValueError if it holds a control character or reorders text."""
    for character in text:
        if unicodedata.category(character) in _CONTROL or character in _REORDERING:
            raise ValueError(
                f"must not hold control characters, nor ones that reorder text (U+{ord(character):04X})"
            )
    return text
