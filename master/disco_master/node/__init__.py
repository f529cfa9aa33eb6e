"""What runs on a node: worker processes, job homes, the shuffle, DDFS volumes, the blob server."""
