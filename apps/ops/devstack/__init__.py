"""The development stack: embedded servers, browser, process supervisor.

Nothing here imports Django: the stack runs before the project's settings can be
loaded, and hands them their addresses through the environment.
"""
