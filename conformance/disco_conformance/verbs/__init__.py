"""The verbs of the command, by what they are for: run, read, keep, probe."""
