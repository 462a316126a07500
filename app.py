"""WSGI entry point: ``flask --app app run``, ``gunicorn app:app``, or any other WSGI server."""

import logging

from cds_service import create_app
from cds_service.process import settle

try:
    app = create_app()
except (ValueError, OSError) as error:  # of a setting or a file: what does not fit, for the operator
    logging.getLogger("cds_service").critical("not started: %s", error)
    raise
settle()
