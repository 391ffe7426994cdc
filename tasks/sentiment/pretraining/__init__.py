"""Pretraining of the encoder on unlabelled texts."""
