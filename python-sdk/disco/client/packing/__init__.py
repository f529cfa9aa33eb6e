"""Packing a job: the job dict, the job home, the job data, and the pack that holds them."""
