"""The columns that a delivery keeps for good, whether it waits or is finished."""

DELIVERY = (
    "day, id, webhook_id, link_id, threepl_id, shop_id, order_id, sequence, type, event_time,"
    " settings_version, body"
)
