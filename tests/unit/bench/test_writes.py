"""Statements counted in what PostgreSQL logs."""

from tests.bench.webhook_dispatcher.writes import statements

LOG = """\
2026-11-24 22:00:00.000 UTC [7] LOG:  statement: BEGIN ISOLATION LEVEL READ COMMITTED;
2026-11-24 22:00:00.001 UTC [7] LOG:  execute __asyncpg_stmt_1__:
    SELECT id
    FROM deliveries
2026-11-24 22:00:00.002 UTC [7] LOG:  statement: COMMIT;
2026-11-24 22:00:00.003 UTC [9] LOG:  checkpoint starting: time
2026-11-24 22:00:00.004 UTC [7] LOG:  duration: 1.0 ms
"""


def test_a_statement_of_many_lines_counts_once_and_what_is_no_statement_not_at_all() -> None:
    assert statements(LOG.splitlines()) == 3
