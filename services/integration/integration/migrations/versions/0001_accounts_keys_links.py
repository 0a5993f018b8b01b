"""Accounts, API keys, signing keys, links and their history."""

from alembic import op

from shared.migrations import V1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DDL = (
    """
    CREATE TABLE accounts (
        id text PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('shop', 'threepl', 'operator')),
        email text NOT NULL,
        name text NOT NULL,
        plan text NOT NULL CHECK (plan IN ('free', 'grow', 'conquer')),
        created_at timestamptz NOT NULL,
        UNIQUE (kind, email)
    )
    """,
    "CREATE INDEX accounts_by_age ON accounts (created_at, id)",
    """
    CREATE TABLE api_keys (
        id text PRIMARY KEY,
        account_id text NOT NULL REFERENCES accounts,
        name text NOT NULL,
        scopes text[] NOT NULL,
        roles text[] NOT NULL,
        secret_hash bytea NOT NULL,
        created_at timestamptz NOT NULL,
        revoked_at timestamptz
    )
    """,
    "CREATE INDEX api_keys_by_account ON api_keys (account_id, created_at, id)",
    """
    CREATE TABLE signing_keys (
        kid text PRIMARY KEY,
        private_key bytea NOT NULL,
        published_at timestamptz NOT NULL,
        signs_from timestamptz NOT NULL,
        signs_until timestamptz,
        published_until timestamptz
    )
    """,
    """
    CREATE TABLE links (
        id text PRIMARY KEY,
        shop_id text REFERENCES accounts,
        threepl_id text REFERENCES accounts,
        started_by text NOT NULL CHECK (started_by IN ('shop', 'threepl')),
        shop_on boolean NOT NULL,
        threepl_on boolean NOT NULL,
        status text NOT NULL CHECK (status IN ('pending', 'active', 'inactive', 'deleted')),
        version integer NOT NULL,
        epoch integer NOT NULL,
        settings jsonb NOT NULL,
        rules jsonb NOT NULL,
        open_settings jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL,
        CHECK (num_nonnulls(shop_id, threepl_id) >= 1)
    )
    """,
    "CREATE UNIQUE INDEX links_live_pair ON links (shop_id, threepl_id) WHERE status <> 'deleted'",
    "CREATE INDEX links_by_age ON links (created_at, id)",
    "CREATE INDEX links_by_shop ON links (shop_id, created_at, id)",
    "CREATE INDEX links_by_threepl ON links (threepl_id, created_at, id)",
    """
    CREATE TABLE link_history (
        link_id text NOT NULL REFERENCES links,
        version integer NOT NULL,
        who text NOT NULL,
        act text NOT NULL,
        at timestamptz NOT NULL,
        changes jsonb NOT NULL,
        PRIMARY KEY (link_id, version)
    )
    """,
)


def upgrade() -> None:
    for statement in (*V1, *DDL):
        op.execute(statement)
