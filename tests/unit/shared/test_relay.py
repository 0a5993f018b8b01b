"""In which rounds the relay sends: no key twice in one, each key in its order."""

from hypothesis import given
from hypothesis import strategies as st

from shared.kafka.relay import rounds
from shared.outbox import Message, Waiting

KEYS = st.lists(st.sampled_from([b"a", b"b", b"c", None]), max_size=30)


@given(KEYS)
def test_a_key_is_sent_once_a_round_and_in_its_order(keys: list[bytes | None]) -> None:
    rows = [Waiting(number, Message("t", key, b"")) for number, key in enumerate(keys)]
    cut = rounds(rows)
    for each in cut:
        keyed = [row.message.key for row in each if row.message.key is not None]
        assert len(keyed) == len(set(keyed))
    for key in (b"a", b"b", b"c"):
        sent = [row.id for each in cut for row in each if row.message.key == key]
        assert sent == [row.id for row in rows if row.message.key == key]
    assert sorted(row.id for each in cut for row in each) == [row.id for row in rows]


def test_messages_without_a_key_wait_for_nobody() -> None:
    rows = [Waiting(number, Message("t", None, b"")) for number in range(5)]
    assert len(rounds(rows)) == 1
