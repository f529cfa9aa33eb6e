"""Which job, which task, which node: the decisions that are made whenever there is a free slot."""
