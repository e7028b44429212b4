"""One file per view; `dashboards/app.py` alone knows which there are."""
