"""Reading and writing Excel workbooks."""
