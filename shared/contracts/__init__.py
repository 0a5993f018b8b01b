"""Every message and value on the wire: pure, frozen, and the same words everywhere."""
