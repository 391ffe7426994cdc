"""What both tasks share; nothing here knows a task."""
