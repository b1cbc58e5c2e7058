"""Files of a dataset: Parquet shards, manifest, memory-mapped copies, and views of their rows."""
