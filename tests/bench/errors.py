"""What keeps a bench from an answer that can be trusted."""


class BenchError(Exception):
    """A bench that failed; its text says why."""
