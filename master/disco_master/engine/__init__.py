"""Where attempts run: local (in this process)."""
