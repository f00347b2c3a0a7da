"""URLs to images: img2dataset's downloader with a guarded opener, a safe decoder and a reproducible writer under it."""

from curation.download.stage import Download as Download
