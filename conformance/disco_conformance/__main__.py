"""`python -m disco_conformance`."""

from disco_conformance.cli import main

main()
