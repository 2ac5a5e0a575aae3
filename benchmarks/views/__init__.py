"""What `views_speed.py` measures, a module a part."""
