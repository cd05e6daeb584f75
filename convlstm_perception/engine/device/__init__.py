"""Networks and their memory on a device: addresses, one stream, and replayed graphs."""
