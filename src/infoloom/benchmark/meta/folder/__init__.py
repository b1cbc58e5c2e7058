"""Random tasks as a folder of Parquet files: made in shards, resumed, checked."""
