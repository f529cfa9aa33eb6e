"""Between map and reduce: batches and runs of records, parted by key, sorted within bounded memory."""
