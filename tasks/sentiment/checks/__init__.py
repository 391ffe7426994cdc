"""What can be wrong with labelled texts, a module for each kind of fault; no Paddle here."""
