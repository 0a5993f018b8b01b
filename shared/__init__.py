"""What every service says and how it says it; knows no service."""
