"""WSGI entry point: ``flask --app app run``, ``gunicorn app:app``, or any other WSGI server."""

from cds_service import create_app

app = create_app()
