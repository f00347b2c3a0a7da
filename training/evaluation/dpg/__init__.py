"""DPG-Bench: dense prompts, each with questions that depend on one another, asked about a 2x2 grid of images."""
