"""The programs `disco` and `ddfs`."""
