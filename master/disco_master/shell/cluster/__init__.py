"""Nodes: the one embedded in the master, several on this machine, or those that join from elsewhere."""
