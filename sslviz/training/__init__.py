"""Learning to localize: losses, one objective per paper, and the loop."""
