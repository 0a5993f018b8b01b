"""People, sessions, invitations, mails, Idempotency-Keys, rate limits; what links are searched by."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DDL = (
    "ALTER TABLE accounts ADD COLUMN language text NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'de'))",
    """
    CREATE TABLE people (
        id text PRIMARY KEY,
        account_id text NOT NULL REFERENCES accounts,
        kind text NOT NULL,
        email text NOT NULL,
        name text NOT NULL,
        roles text[] NOT NULL,
        clients text[],
        password_hash text,
        created_at timestamptz NOT NULL,
        removed_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX people_by_email ON people (kind, email) WHERE removed_at IS NULL",
    "CREATE INDEX people_by_account ON people (account_id, created_at, id)",
    """
    CREATE TABLE sessions (
        id text PRIMARY KEY,
        person_id text NOT NULL REFERENCES people,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        ended_at timestamptz,
        ended_because text
    )
    """,
    "CREATE INDEX sessions_by_person ON sessions (person_id) WHERE ended_at IS NULL",
    "CREATE INDEX sessions_by_end ON sessions (least(expires_at, ended_at))",
    """
    CREATE TABLE refresh_tokens (
        token_hash bytea PRIMARY KEY,
        session_id text NOT NULL REFERENCES sessions ON DELETE CASCADE,
        expires_at timestamptz NOT NULL,
        used_at timestamptz
    )
    """,
    "CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id)",
    """
    CREATE TABLE password_tokens (
        token_hash bytea PRIMARY KEY,
        person_id text NOT NULL REFERENCES people,
        expires_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX password_tokens_by_person ON password_tokens (person_id)",
    "CREATE INDEX password_tokens_by_end ON password_tokens (expires_at)",
    # A link holds the e-mail that was invited in place of the missing account.
    "ALTER TABLE links ADD COLUMN email text, ADD COLUMN search tsvector NOT NULL DEFAULT ''",
    "ALTER TABLE links ADD CHECK ((email IS NULL) = (num_nonnulls(shop_id, threepl_id) = 2))",
    """
    UPDATE links SET search =
        setweight(to_tsvector('simple', shop.id || ' ' || shop.name), 'A') ||
        setweight(to_tsvector('simple', threepl.id || ' ' || threepl.name), 'B') ||
        setweight(to_tsvector('simple', coalesce(links.settings ->> 'client_reference', '')), 'C') ||
        array_to_tsvector(ARRAY[shop.id, threepl.id])
    FROM accounts AS shop, accounts AS threepl
    WHERE shop.id = links.shop_id AND threepl.id = links.threepl_id
    """,
    """
    CREATE UNIQUE INDEX links_live_invited ON links (coalesce(shop_id, threepl_id), email)
    WHERE status <> 'deleted' AND email IS NOT NULL
    """,
    # What waits to be sorted into the index is gone through by every search, so little may wait.
    "CREATE INDEX links_by_text ON links USING gin (search) WITH (gin_pending_list_limit = 256)",
    "CREATE INDEX links_by_shop_and_status ON links (shop_id, status, created_at, id)",
    "CREATE INDEX links_by_threepl_and_status ON links (threepl_id, status, created_at, id)",
    "CREATE INDEX links_by_status ON links (status, created_at, id)",
    "ALTER TABLE link_history ADD COLUMN by text",
    """
    CREATE TABLE invitations (
        id text PRIMARY KEY,
        link_id text NOT NULL REFERENCES links,
        inviter_id text NOT NULL REFERENCES accounts,
        kind text NOT NULL CHECK (kind IN ('shop', 'threepl')),
        email text NOT NULL,
        language text NOT NULL CHECK (language IN ('en', 'de')),
        state text NOT NULL CHECK (state IN ('open', 'accepted', 'declined', 'withdrawn')),
        token_hash bytea NOT NULL UNIQUE,
        created_at timestamptz NOT NULL,
        sent_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        ended_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX invitations_open ON invitations (link_id) WHERE state = 'open'",
    "CREATE INDEX invitations_by_age ON invitations (created_at, id)",
    "CREATE INDEX invitations_by_inviter ON invitations (inviter_id, created_at, id)",
    """
    CREATE TABLE mails (
        id text PRIMARY KEY,
        recipient text NOT NULL,
        content bytea,
        created_at timestamptz NOT NULL,
        until timestamptz,
        due_at timestamptz,
        attempts integer NOT NULL DEFAULT 0,
        sent_at timestamptz,
        failed_at timestamptz,
        reason text
    )
    """,
    "CREATE INDEX mails_due ON mails (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX mails_ended ON mails (created_at) WHERE due_at IS NULL",
    """
    CREATE TABLE idempotency_keys (
        id bytea PRIMARY KEY,
        request_hash bytea NOT NULL,
        kept_until timestamptz NOT NULL,
        status integer,
        headers jsonb,
        body bytea
    )
    """,
    "CREATE INDEX idempotency_keys_by_end ON idempotency_keys (kept_until)",
    """
    CREATE UNLOGGED TABLE rate_limits (
        name text NOT NULL,
        subject text NOT NULL,
        window_start timestamptz NOT NULL,
        count integer NOT NULL,
        PRIMARY KEY (name, subject, window_start)
    )
    """,
    "CREATE INDEX rate_limits_by_age ON rate_limits (window_start)",
)


def upgrade() -> None:
    for statement in DDL:
        op.execute(statement)
