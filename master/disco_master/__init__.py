"""The reference master and DDFS. Rooms and import rules: ARCHITECTURE.md."""
