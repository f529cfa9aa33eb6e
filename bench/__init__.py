"""Benchmarks against hand-written programs on the same work; `make bench` runs them all."""
