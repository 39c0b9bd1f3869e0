"""advkd: three papers on adversarial knowledge distillation, from their data's archives to every table and figure."""

__version__ = "0.2.0"
