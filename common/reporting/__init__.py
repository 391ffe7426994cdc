"""Tables, plots and pages that are made from run folders alone."""
