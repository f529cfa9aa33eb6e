"""The master over HTTP: REST interface, files and pages, on the doors that the shell hands in."""
