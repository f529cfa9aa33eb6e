"""The session format: one conversation, written down so that it can be played at both ends."""
