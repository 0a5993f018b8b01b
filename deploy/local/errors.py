"""What can go wrong on the embedded platform, each said so that a person knows what to do next."""


class PlatformError(Exception):
    """The platform can't do what was asked; the message is a sentence for the person at the terminal."""


class InUseError(PlatformError):
    """Another process holds the folder."""
