// htmx would write a style element into each page, which the admin's policy refuses.
htmx.config.includeIndicatorStyles = false;
