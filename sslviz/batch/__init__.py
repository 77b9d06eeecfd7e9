"""Many files: inputs, done-markers, two engines, a report, and search over what came out."""
