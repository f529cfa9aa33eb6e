"""Many cases: which ones, in which deliveries, side by side, and against whom."""
