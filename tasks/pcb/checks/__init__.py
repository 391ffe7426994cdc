"""What can be wrong with pictures and boxes, a module for each kind of fault; no Paddle here."""
