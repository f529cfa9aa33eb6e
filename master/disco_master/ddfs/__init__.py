"""DDFS by pure decisions: names, tags, the index of tag versions, placement and commit. No IO, no clock."""
