"""Looking at a worker by hand or by chance: watch, record, repl, fuzz."""
