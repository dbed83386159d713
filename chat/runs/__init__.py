"""Runs: begin, execute, append, resume, cancel, sweep, and the work that is due. The heart.

A run is a row, executed by a task that belongs to no connection. Views call the verbs here; nothing else in the
house knows by which
process or task a run is executed.
"""

from chat.runs.verbs import cancel, carry_on, edit, regenerate, remove_message, restore_message, send, try_push

__all__ = ["cancel", "carry_on", "edit", "regenerate", "remove_message", "restore_message", "send", "try_push"]
