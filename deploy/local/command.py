"""The entry point of the `orderdock` command: says so where the packages it runs on aren't installed."""

import sys


def main() -> None:
    """Run the command line; exits 1 with a sentence where the `local` extra is missing, as in the image."""
    try:
        from deploy.local import cli  # noqa: PLC0415 (fails where the extra is missing)
    except ModuleNotFoundError as missing:
        sys.exit(f"`orderdock` needs the package {missing.name}: pip install 'orderdock[local]'")
    cli.main()
