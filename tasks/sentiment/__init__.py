"""Sentiment of Chinese product reviews with BERT."""
