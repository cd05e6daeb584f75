"""The command ``convlstm-perception``."""
