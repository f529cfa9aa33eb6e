"""The commands about what is stored: tags, blobs, space."""
