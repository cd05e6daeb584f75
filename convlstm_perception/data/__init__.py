"""Readers and makers of images, videos and datasets."""
