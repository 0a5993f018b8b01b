"""What the two sides do with orders: requests, shipments, history, and today's counts of each link."""

from alembic import op

revision = "0003"
down_revision = "0002"

COLUMNS = """
ALTER TABLE orders
    ADD COLUMN routable boolean NOT NULL DEFAULT false,
    ADD COLUMN says_cancelled boolean NOT NULL DEFAULT false,
    ADD COLUMN cancellation_requested_at timestamptz,
    ADD COLUMN take_over_requested_at timestamptz,
    ADD COLUMN consignment text,
    ADD COLUMN assigned_links text NOT NULL DEFAULT '[]',
    ADD COLUMN search text NOT NULL DEFAULT ''
"""
# Of what stood before: its holder was assigned it by the router; whether it is cancelled, its stage says.
# PostgreSQL reads no JSON whose text holds a NUL; what stands for it there doesn't matter here.
KNOWN = r"""
UPDATE orders SET
    routable = coalesce((replace(document, '\u0000', '\ufffd')::json ->> 'routable')::boolean, true),
    says_cancelled = stage = 'cancelled',
    assigned_links = CASE WHEN link_id IS NULL THEN '[]' ELSE jsonb_build_array(link_id)::text END,
    search = lower(concat_ws(' ', number, order_id))
WHERE document IS NOT NULL
"""
HISTORY = """
CREATE TABLE order_history (
    shop_id text NOT NULL,
    order_id text NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    act text NOT NULL,
    stage text NOT NULL,
    link_id text,
    sequence bigint NOT NULL,
    detail text NOT NULL DEFAULT '',
    account text,
    subject text,
    PRIMARY KEY (shop_id, order_id, id)
)
"""
# How many orders were first assigned under a link on a UTC day.
LINK_DAYS = """
CREATE TABLE link_days (
    link_id text NOT NULL,
    day date NOT NULL,
    orders bigint NOT NULL,
    PRIMARY KEY (link_id, day)
)
"""


def upgrade() -> None:
    op.execute(COLUMNS)
    op.execute(KNOWN)
    op.execute(HISTORY)
    op.execute(LINK_DAYS)
    op.execute(
        "CREATE INDEX orders_requested ON orders (least(cancellation_requested_at, take_over_requested_at))"
        " WHERE cancellation_requested_at IS NOT NULL OR take_over_requested_at IS NOT NULL"
    )
    # Each is walked from its newest end for a page; the first two also say by themselves who holds what.
    op.execute(
        "CREATE INDEX orders_of_threepl_by_stage ON orders (threepl_id, stage, created_at, shop_id, order_id)"
        " INCLUDE (link_id, epoch) WHERE threepl_id IS NOT NULL"
    )
    op.execute(
        "CREATE INDEX orders_of_shop_by_stage ON orders (shop_id, stage, created_at, order_id)"
        " INCLUDE (threepl_id, link_id, epoch) WHERE version IS NOT NULL"
    )
    # A key that is only claimed yet has no version, and is written into the primary key alone.
    op.execute(
        "CREATE INDEX orders_by_stage ON orders (stage, created_at, shop_id, order_id)"
        " WHERE version IS NOT NULL"
    )
    op.execute("DROP INDEX orders_of_threepl")
    op.execute("DROP INDEX orders_of_shop")
