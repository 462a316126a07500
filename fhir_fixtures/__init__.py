"""Invented patients with the cards that are due; a package so that they are installed with the service."""
