"""Pictures of what the pipeline sees."""
