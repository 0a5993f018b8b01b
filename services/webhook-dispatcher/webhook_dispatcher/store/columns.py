"""What several statements say of deliveries: the columns each keeps for good, and which may be claimed."""

DELIVERY = (
    "day, id, webhook_id, link_id, threepl_id, shop_id, order_id, sequence, type, event_time,"
    " settings_version, body"
)
# A lease counts no longer once its time is over, or once the process that holds it is gone.
FREE = "(lease IS NULL OR leased_until <= now() OR holder <> ALL(:alive))"
