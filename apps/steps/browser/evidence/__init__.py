"""What is kept of a browser, so that people see later what happened in it.

Five things: a picture, the page as inert HTML, console messages, failed requests,
and all traffic as a HAR file. Secrets are masked in each.
"""
