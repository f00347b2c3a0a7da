"""New captions for selected images, and statistics of captions."""
