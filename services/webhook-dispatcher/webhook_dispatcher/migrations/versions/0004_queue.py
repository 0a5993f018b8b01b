"""What is finished leaves the queue for a log by days; the queue keeps only what is still to be sent.

A log of one table would be looked through, day by day, by every claim; and a day that is dropped must hold
nothing that waits. Each endpoint gets its own pace, its breaker, and since when it fails.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

# The attempt that ended a delivery stands in its row; the others are in `attempts`.
FINISHED = """
CREATE TABLE finished (
    day date NOT NULL,
    id bigint NOT NULL,
    webhook_id text COLLATE "C" NOT NULL,
    endpoint_id text,
    link_id text NOT NULL,
    threepl_id text NOT NULL,
    shop_id text NOT NULL,
    order_id text,
    sequence bigint NOT NULL,
    type text NOT NULL,
    event_time timestamptz NOT NULL,
    settings_version bigint NOT NULL,
    body bytea NOT NULL,
    status text NOT NULL CHECK (status IN ('delivered', 'refused', 'exhausted', 'withdrawn')),
    attempts integer NOT NULL,
    failures integer NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    duration_ms integer,
    outcome text,
    answer_status integer,
    error text,
    answer bytea,
    PRIMARY KEY (webhook_id, day)
) PARTITION BY RANGE (day)
"""
FINISHED_INDEXES = (
    "CREATE INDEX finished_by_id ON finished (id)",
    "CREATE INDEX finished_of_threepl ON finished (threepl_id, id)",
    "CREATE INDEX finished_of_order ON finished (shop_id, order_id)",
    "CREATE INDEX finished_of_endpoint ON finished (endpoint_id, started_at)",
    "CREATE INDEX finished_unsent ON finished (threepl_id, id) WHERE status <> 'delivered'",
)
ATTEMPTS = """
CREATE TABLE attempts (
    day date NOT NULL,
    delivery_id bigint NOT NULL,
    number integer NOT NULL,
    endpoint_id text NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    outcome text NOT NULL,
    status integer,
    error text,
    answer bytea NOT NULL,
    PRIMARY KEY (delivery_id, number, day)
) PARTITION BY RANGE (day)
"""
# The days that there are, and those to come soon; the service makes the later ones.
DAYS = """
DO $$
DECLARE each_day date;
BEGIN
    FOR each_day IN
        SELECT generate_series(
            least((SELECT min((event_time AT TIME ZONE 'UTC')::date) FROM deliveries),
                  (now() AT TIME ZONE 'UTC')::date - 31),
            greatest((SELECT max((event_time AT TIME ZONE 'UTC')::date) FROM deliveries),
                     (now() AT TIME ZONE 'UTC')::date + 2),
            interval '1 day')::date
    LOOP
        EXECUTE format('CREATE TABLE finished_%s PARTITION OF finished FOR VALUES FROM (%L) TO (%L)',
                       to_char(each_day, 'YYYYMMDD'), each_day, each_day + 1);
        EXECUTE format('CREATE TABLE attempts_%s PARTITION OF attempts FOR VALUES FROM (%L) TO (%L)',
                       to_char(each_day, 'YYYYMMDD'), each_day, each_day + 1);
    END LOOP;
END $$
"""
MOVE = (
    """
    INSERT INTO finished (day, id, webhook_id, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence,
                          type, event_time, settings_version, body, status, attempts, failures, created_at,
                          finished_at, started_at, duration_ms, outcome, answer_status, error, answer)
    SELECT (event_time AT TIME ZONE 'UTC')::date, deliveries.id, webhook_id, deliveries.endpoint_id, link_id,
           threepl_id, shop_id, order_id, sequence, type, event_time, settings_version, body,
           deliveries.status, attempts, failures, created_at, coalesce(settled_at, created_at),
           last.started_at, last.duration_ms, last.outcome, last.status, last.error, last.answer
    FROM deliveries LEFT JOIN old_attempts AS last
        ON last.delivery_id = deliveries.id AND last.number = deliveries.attempts
    WHERE deliveries.status <> 'waiting'
    """,
    """
    INSERT INTO attempts (day, delivery_id, number, endpoint_id, started_at, duration_ms, outcome, status,
                          error, answer)
    SELECT (event_time AT TIME ZONE 'UTC')::date, delivery_id, number, old_attempts.endpoint_id, started_at,
           duration_ms, outcome, old_attempts.status, error, answer
    FROM old_attempts JOIN deliveries ON deliveries.id = delivery_id
    WHERE deliveries.status = 'waiting' OR number < attempts
    """,
    "DELETE FROM deliveries WHERE status <> 'waiting'",
    "DROP TABLE old_attempts",
)
# A lease is no part of any index, so that a claim changes no index at all.
QUEUE = (
    """
    ALTER TABLE deliveries
        DROP COLUMN status,
        DROP COLUMN settled_at,
        ALTER COLUMN order_id DROP NOT NULL,
        ADD COLUMN day date,
        ADD COLUMN followed boolean NOT NULL DEFAULT true,
        ADD COLUMN resent boolean NOT NULL DEFAULT false,
        ADD COLUMN holder integer,
        ADD COLUMN leased_until timestamptz,
        SET (fillfactor = 75)
    """,
    "UPDATE deliveries SET day = (event_time AT TIME ZONE 'UTC')::date, lease = NULL,"
    " next_at = CASE WHEN lease IS NULL THEN next_at ELSE now() END",
    "ALTER TABLE deliveries ALTER COLUMN day SET NOT NULL, ALTER COLUMN followed SET DEFAULT false",
    "CREATE INDEX deliveries_due ON deliveries (endpoint_id, next_at) WHERE NOT behind",
    "CREATE INDEX deliveries_of_order ON deliveries (link_id, shop_id, order_id, id)",
)
ENDPOINTS = """
ALTER TABLE endpoints
    ADD COLUMN concurrency integer CHECK (concurrency > 0),
    ADD COLUMN rate double precision CHECK (rate > 0),
    ADD COLUMN retry_schedule double precision[],
    ADD COLUMN failing_since timestamptz,
    ADD COLUMN warned_at timestamptz,
    ADD COLUMN breaker text NOT NULL DEFAULT 'closed' CHECK (breaker IN ('closed', 'open', 'half_open')),
    ADD COLUMN breaker_until timestamptz
"""
# `after_day` and `after_id`: how far the job has come.
RESENDS = """
CREATE TABLE resends (
    id text PRIMARY KEY,
    threepl_id text NOT NULL,
    clients text[],
    requested_by text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    statuses text[] NOT NULL,
    link_id text,
    endpoint_id text,
    shop_id text,
    order_id text,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'cancelled')),
    after_day date NOT NULL,
    after_id bigint NOT NULL DEFAULT 0,
    resent bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
)
"""


def upgrade() -> None:
    op.execute("ALTER TABLE attempts RENAME TO old_attempts")
    op.execute("ALTER INDEX attempts_pkey RENAME TO old_attempts_pkey")
    op.execute("DROP INDEX deliveries_due")
    op.execute("DROP INDEX deliveries_waiting")
    op.execute(FINISHED)
    op.execute("ALTER TABLE finished ALTER COLUMN body SET STORAGE EXTERNAL")
    for statement in FINISHED_INDEXES:
        op.execute(statement)
    op.execute(ATTEMPTS)
    op.execute("CREATE INDEX attempts_of_endpoint ON attempts (endpoint_id, started_at)")
    op.execute("CREATE INDEX links_of_shop ON links (shop_id)")
    op.execute(DAYS)
    for statement in (*MOVE, *QUEUE):
        op.execute(statement)
    op.execute(ENDPOINTS)
    op.execute(RESENDS)
    op.execute("CREATE INDEX resends_of_threepl ON resends (threepl_id, created_at)")
    op.execute("CREATE INDEX resends_running ON resends (created_at) WHERE state = 'running'")
