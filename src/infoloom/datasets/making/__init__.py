"""What a shard holds and how it is made."""
