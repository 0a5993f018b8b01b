"""The dispatcher's SQL: links, endpoints, deliveries, and the queue that the deliveries are.

Locks are taken in this order everywhere: links by id, endpoints by id, deliveries by id; and nobody
holds a waiting delivery who doesn't hold the earlier waiting ones of its order at its link first.
"""
