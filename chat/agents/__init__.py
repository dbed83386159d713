"""The loop of turns: what to ask the model next, and how a run ends. No HTML, no sockets."""
