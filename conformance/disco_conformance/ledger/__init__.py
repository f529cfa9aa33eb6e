"""Requirements, and what proves each: cases, mutants, and exclusions with their reasons."""
