"""The parts of the benchmark `browser`: ways to a page, the demo, and the long run."""
