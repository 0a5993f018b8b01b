"""The Kafka side of a service: topics, records, batches in, and the outbox's relay out."""
