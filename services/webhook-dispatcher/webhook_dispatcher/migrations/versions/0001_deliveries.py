"""Links with their endpoints, and deliveries with their attempts; the deliveries are the queue."""

from alembic import op

from shared import migrations

revision = "0001"
down_revision = None

LINKS = """
CREATE TABLE links (
    id text PRIMARY KEY,
    shop_id text,
    threepl_id text,
    version bigint NOT NULL,
    open_url_version bigint NOT NULL DEFAULT 0,
    open_url text
)
"""
ENDPOINTS = """
CREATE TABLE endpoints (
    id text PRIMARY KEY,
    link_id text NOT NULL REFERENCES links,
    url text NOT NULL,
    secret bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    disabled_reason text,
    enablings integer NOT NULL DEFAULT 0
)
"""
# `next_at` is when a waiting delivery may be claimed next: after its wait, after the lease of the
# process that has it in flight, or never before its endpoint is enabled (infinity).
DELIVERIES = """
CREATE TABLE deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id text NOT NULL UNIQUE,
    endpoint_id text,
    link_id text NOT NULL,
    threepl_id text NOT NULL,
    shop_id text NOT NULL,
    order_id text NOT NULL,
    sequence bigint NOT NULL,
    type text NOT NULL,
    event_time timestamptz NOT NULL,
    settings_version bigint NOT NULL,
    body bytea NOT NULL,
    status text NOT NULL CHECK (status IN ('waiting', 'delivered', 'refused', 'exhausted', 'withdrawn')),
    behind boolean NOT NULL,
    moved boolean NOT NULL DEFAULT false,
    attempts integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(),
    lease uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02)
"""
ATTEMPTS = """
CREATE TABLE attempts (
    delivery_id bigint NOT NULL,
    number integer NOT NULL,
    endpoint_id text NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    outcome text NOT NULL,
    status integer,
    error text,
    answer bytea NOT NULL,
    PRIMARY KEY (delivery_id, number)
)
"""


def upgrade() -> None:
    for statement in migrations.V1:
        op.execute(statement)
    op.execute(LINKS)
    op.execute(ENDPOINTS)
    op.execute("CREATE INDEX endpoints_of_link ON endpoints (link_id)")
    op.execute("CREATE INDEX links_of_threepl ON links (threepl_id)")
    op.execute(DELIVERIES)
    # A body that lies apart from its row is not written again by every claim and settling.
    op.execute("ALTER TABLE deliveries ALTER COLUMN body SET STORAGE EXTERNAL")
    op.execute(
        "CREATE INDEX deliveries_due ON deliveries (next_at, endpoint_id)"
        " WHERE status = 'waiting' AND NOT behind"
    )
    op.execute(
        "CREATE INDEX deliveries_waiting ON deliveries (link_id, shop_id, order_id, id)"
        " WHERE status = 'waiting'"
    )
    op.execute("CREATE INDEX deliveries_of_threepl ON deliveries (threepl_id, id)")
    op.execute(ATTEMPTS)
