"""The SQL, one file a noun; the caller opens and commits the transaction."""
