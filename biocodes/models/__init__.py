"""Models in other forms: what export_model.py and convert_checkpoint.py are made of."""
