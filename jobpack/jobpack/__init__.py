"""The job pack: reader, writer, reproducible builder and command, for workers in any language."""
