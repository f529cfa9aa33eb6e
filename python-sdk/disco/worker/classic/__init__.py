"""The classic interface: jobs made of job functions. Source: documents 4.1.10."""
