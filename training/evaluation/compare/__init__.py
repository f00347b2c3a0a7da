"""Several runs beside each other: the paper's tables, paired differences, and the images of the same prompts."""
