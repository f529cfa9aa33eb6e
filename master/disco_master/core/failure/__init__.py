"""What failures and losses mean for a task, for its job and for the node where they happened."""
