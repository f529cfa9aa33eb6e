"""The master's behaviour, pure: events in, orders out. Begin with `master`."""
