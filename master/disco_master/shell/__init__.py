"""The only place that wires rooms together: main, config, loop."""
