"""The services' OpenAPI documents, as `docs/api/` holds them; `make docs` writes them anew."""

import json
from pathlib import Path

from cryptography.fernet import Fernet

import integration.app
import order_router.app
import webhook_dispatcher.app

FOLDER = Path(__file__).parents[2] / "docs/api"
NOWHERE = {
    "database_url": "postgresql://nobody@127.0.0.1:9/none",
    "kafka_bootstrap_servers": "127.0.0.1:9",
    "smtp_url": "smtp://127.0.0.1:9",
    "mail_from": "orderdock@orderdock.example",
    "console_url": "http://127.0.0.1:9",
    "integration_url": "http://127.0.0.1:9",
    "encryption_keys": Fernet.generate_key().decode(),
}


def documents() -> dict[str, str]:
    """The text of each document by its file's name."""
    apps = {
        "integration": integration.app.build(integration.app.Settings.model_validate(NOWHERE)),
        "order-router": order_router.app.build(order_router.app.Settings.model_validate(NOWHERE)),
        "webhook-dispatcher": webhook_dispatcher.app.build(
            webhook_dispatcher.app.Settings.model_validate(NOWHERE)
        ),
    }
    return {
        f"{name}.openapi.json": json.dumps(app.openapi(), indent=2, sort_keys=True) + "\n"
        for name, app in apps.items()
    }


if __name__ == "__main__":
    for name, text in documents().items():
        (FOLDER / name).write_text(text)
