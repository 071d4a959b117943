"""Calls from outside that start workflows: `POST /hooks/<token>`."""
