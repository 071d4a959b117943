"""Reading, joining and filling PDF files, in processes of their own."""
