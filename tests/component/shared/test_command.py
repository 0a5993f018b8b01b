"""A service's command: what is wrong with its environment is said in words, with exit code 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SERVICES = ("integration", "order-router", "webhook-dispatcher")
GOOD = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    "ORDERDOCK_INTEGRATION_URL": "http://127.0.0.1:9",
    "ORDERDOCK_ENCRYPTION_KEYS": "2Nn1jOXR6nBDWhNqcVnOZKT6uY0sNFpS2jF1m6S6TgA=",
    "ORDERDOCK_SMTP_URL": "smtp://127.0.0.1:9",
    "ORDERDOCK_MAIL_FROM": "orderdock@orderdock.example",
    "ORDERDOCK_CONSOLE_URL": "https://console.orderdock.example",
}


def run(service: str, **environment: str) -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name(f"orderdock-{service}")), "serve"]
    given = {"PATH": os.environ.get("PATH", ""), **environment}
    ended = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_missing_is_named(service: str) -> None:
    code, said = run(service)
    assert code == 2
    assert "DATABASE_URL: is missing" in said
    assert "KAFKA_BOOTSTRAP_SERVERS: is missing" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "mysql://localhost/x"), ("ORDERDOCK_PORT", "eighty"), ("ORDERDOCK_LOG_LEVEL", "LOUD")],
)
def test_what_is_wrong_is_named(service: str, name: str, value: str) -> None:
    code, said = run(service, **{**GOOD, name: value})
    assert (code, name in said, "Traceback" in said) == (2, True, False)


@pytest.mark.parametrize("service", ["integration", "webhook-dispatcher"])
def test_an_encryption_key_that_is_none_is_named_with_what_makes_one(service: str) -> None:
    code, said = run(service, **{**GOOD, "ORDERDOCK_ENCRYPTION_KEYS": "secret"})
    assert code == 2
    assert "ORDERDOCK_ENCRYPTION_KEYS" in said
    assert "Fernet.generate_key" in said
