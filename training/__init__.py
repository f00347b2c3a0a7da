"""The connector between a frozen language model and a frozen diffusion U-Net, and its training."""
