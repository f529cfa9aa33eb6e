"""What outlives the master: the journal of durable events, and the event logs of jobs."""
