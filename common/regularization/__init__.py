"""Regularization that both tasks share: parameter groups, dropout, MixUp."""
