"""Pretraining of a small Chinese BERT on unlabelled texts."""
