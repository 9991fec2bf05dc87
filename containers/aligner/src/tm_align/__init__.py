"""Segmentation, language identification and sentence alignment in two tiers."""
