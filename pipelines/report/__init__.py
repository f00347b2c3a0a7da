"""What `ella report` reads: datasets, training sets and files of texts, turned into the values that a report shows."""
