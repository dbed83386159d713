"""The browser's socket, downstream only: what is committed becomes HTML and goes to whoever reads."""
