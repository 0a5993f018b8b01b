"""The lines of an answer that comes piece by piece."""

from deploy.local.api import Take


def lines(take: Take) -> Take:
    """What hands on whole lines; JSON's end with a line feed and with nothing else."""
    kept = bytearray()

    def taking(piece: bytes) -> None:
        *whole, rest = bytes(kept + piece).split(b"\n")
        kept[:] = rest
        for line in whole:
            take(line)

    return taking
