"""From URLs to scored, selected image shards: the dataset folder, the stages that fill it, and their sources."""
