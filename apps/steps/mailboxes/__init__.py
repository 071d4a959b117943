"""Mailboxes on IMAP servers, and the mails in them."""
