"""DDFS on one node: volumes with blobs and tag files, and the server that takes and gives them."""
