"""Orders with their assignment, and the links as the router knows them."""

from alembic import op

from shared import migrations

revision = "0001"
down_revision = None

LINKS = """
CREATE TABLE links (
    id text PRIMARY KEY,
    shop_id text,
    version bigint NOT NULL,
    epoch bigint NOT NULL,
    open_version bigint NOT NULL,
    state text NOT NULL,
    settled boolean NOT NULL
)
"""
ORDERS = """
CREATE TABLE orders (
    shop_id text NOT NULL,
    order_id text NOT NULL,
    version bigint,
    topic text,
    partition integer,
    "offset" bigint,
    document text,
    content_hash bytea NOT NULL DEFAULT '',
    number text NOT NULL DEFAULT '',
    stage text NOT NULL DEFAULT 'open',
    routed boolean NOT NULL DEFAULT false,
    decision text,
    link_id text,
    threepl_id text,
    epoch bigint,
    settings text,
    settings_version bigint,
    sequence bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shop_id, order_id)
)
"""


def upgrade() -> None:
    for statement in migrations.V1:
        op.execute(statement)
    op.execute(LINKS)
    op.execute("CREATE INDEX links_of_shop ON links (shop_id)")
    op.execute("CREATE INDEX links_unsettled ON links (id) WHERE NOT settled")
    op.execute(ORDERS)
    # What a link's open orders must follow stands first in it; what followed leaves this range.
    op.execute(
        "CREATE INDEX orders_open_of_link ON orders (link_id, settings_version)"
        " WHERE stage = 'open' AND link_id IS NOT NULL"
    )
    op.execute("CREATE INDEX orders_of_threepl ON orders (threepl_id, created_at, shop_id, order_id)")
    op.execute("CREATE INDEX orders_of_shop ON orders (shop_id, created_at, order_id)")
