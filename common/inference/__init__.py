"""Models as files that run without the code that made them."""
