"""What a request wakes: the HTTP API, one file a noun."""
