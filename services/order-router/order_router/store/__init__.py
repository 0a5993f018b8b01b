"""The router's tables; nothing here commits."""
