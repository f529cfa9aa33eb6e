"""Where attempts run: on the nodes of a cluster, which Dask keeps together."""
