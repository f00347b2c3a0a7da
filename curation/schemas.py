"""The columns of every Parquet file on disk that one part of the project writes and another reads."""

import pyarrow as pa

URLS = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("alt_text", pa.string()),
        pa.field("source", pa.string(), nullable=False),
    ]
)
"""First columns of `urls/`; the source's own columns follow under their own names in lower case."""

IMAGES = pa.schema(
    [
        ("sample_id", pa.string()),
        ("url", pa.string()),
        ("caption", pa.string()),
        ("key", pa.string()),
        ("status", pa.string()),
        ("error_message", pa.string()),
        ("reason", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("original_width", pa.int32()),
        ("original_height", pa.int32()),
        ("sha256", pa.string()),
    ]
)
"""A row for every URL tried, sorted by key. img2dataset's columns (`caption` is the alt-text, `status` its three
words) and our `reason`, a code of `curation.reasons` where the status is not success. `key` names the tar members."""

SUCCESS = "success"
FAILED_TO_DOWNLOAD = "failed_to_download"
FAILED_TO_RESIZE = "failed_to_resize"

SCORES = pa.schema(
    [
        ("key", pa.string()),
        ("sample_id", pa.string()),
        ("aesthetic", pa.float32()),
        ("short_edge", pa.int32()),
        ("clip_similarity", pa.float32()),
        ("phash", pa.string()),
    ]
)
"""A row for every image fetched, sorted by key. `short_edge` is the original image's, in pixels; `clip_similarity` the
cosine of image and alt-text, null without an alt-text; `phash` the perceptual hash, 16 hex digits."""

SELECTION = pa.schema(
    [
        ("key", pa.string()),
        ("sample_id", pa.string()),
        ("kept", pa.bool_()),
        ("reason", pa.string()),
    ]
)
"""A row for every image scored, sorted by key; `reason` is null where `kept`."""

CAPTIONS = pa.schema(
    [
        ("key", pa.string()),
        ("sample_id", pa.string()),
        ("caption", pa.string()),
        ("raw_caption", pa.string()),
        ("finish_reason", pa.string()),
        ("retries", pa.int32()),
        ("tokens", pa.int32()),
        ("flags", pa.list_(pa.string())),
        ("rules", pa.list_(pa.string())),
        ("prompt", pa.string()),
        ("prompt_hash", pa.string()),
        ("model", pa.string()),
        ("revision", pa.string()),
    ]
)
"""A row for every image kept, sorted by key. `caption` is null where there is none, and `flags` then says why;
`rules` names what made the caption of `raw_caption`."""

TRAINING = pa.schema(
    [
        ("sample_id", pa.string()),
        ("source", pa.string()),
        ("caption", pa.string()),
        ("alt_text", pa.string()),
        ("url", pa.string()),
        ("captioner", pa.string()),
        ("aesthetic", pa.float32()),
        ("short_edge", pa.int32()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("original_width", pa.int32()),
        ("original_height", pa.int32()),
        ("sha256", pa.string()),
    ]
)
"""A row for every training pair, sorted by sample_id, which is also the key of its tar members."""
