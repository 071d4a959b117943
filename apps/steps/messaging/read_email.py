"""Step type `read_email`: mails in a mailbox."""

import re
from datetime import date, timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from apps.core.types import Json, JsonObject
from apps.core.workspace import checked_path
from apps.steps.base import Duration, Effect, OnCrash, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import Folder
from apps.steps.http.outgoing import bounded_timeout
from apps.steps.mailboxes.names import day, one_line, quoted, uid_set
from apps.steps.mailboxes.parsing import RawMail, parse_mails
from apps.steps.mailboxes.session import (
    MAX_MAIL_BYTES,
    Credentials,
    Mailbox,
    Server,
    Tls,
    opened,
)
from apps.steps.registry import register

MAX_MAILS = 100
MAX_TOTAL_BYTES = 40 * 1024 * 1024
_PORTS: dict[str, int] = {"implicit": 993, "starttls": 143, "none": 143}
_MARKS = {
    "seen": (r"\Seen", True),
    "unseen": (r"\Seen", False),
    "flagged": (r"\Flagged", True),
    "unflagged": (r"\Flagged", False),
}
_UNSAFE = re.compile(r"[^\w .()+@-]")

Line = Annotated[str, AfterValidator(one_line)]


def _secret_line(secret: SecretStr) -> SecretStr:
    one_line(secret.get_secret_value())
    return secret


Secret = Annotated[SecretStr, AfterValidator(_secret_line)]


class MailSearch(Params):
    """Which mails; all that is given must fit.

    Attributes:
        from: part of the sender's name or address.
        to: part of a recipient's name or address.
        subject: part of the subject.
        body: part of the text.
        since: sent or received on this day or later.
        before: received before this day.
        seen: whether it was read.
        flagged: whether it has a flag.
    """

    sender: Line | None = Field(
        default=None, min_length=1, max_length=300, alias="from"
    )
    to: Line | None = Field(default=None, min_length=1, max_length=300)
    subject: Line | None = Field(default=None, min_length=1, max_length=300)
    body: Line | None = Field(default=None, min_length=1, max_length=300)
    since: date | None = None
    before: date | None = None
    seen: bool | None = None
    flagged: bool | None = None
    uid_above: int | None = Field(
        default=None, ge=0, le=2**32 - 1, description="The last one read before."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        foreign = [text for _, text in self.texts if not text.isascii()]
        if len(foreign) > 1:
            raise ValueError("only one text may have letters beyond ASCII")
        return self

    @property
    def texts(self) -> list[tuple[str, str]]:
        """The texts that are looked for, by IMAP's word for where."""
        named = {
            "FROM": self.sender,
            "TO": self.to,
            "SUBJECT": self.subject,
            "BODY": self.body,
        }
        return [(key, text) for key, text in named.items() if text is not None]

    def criteria(self, uids: list[int] | None) -> tuple[list[str], bytes | None]:
        """IMAP's words for it, and a text in UTF-8 that stands behind the last."""
        words = [] if uids is None else ["UID", uid_set(uids)]
        if self.uid_above is not None:
            words += ["UID", f"{self.uid_above + 1}:*"]
        for key, moment in (("SINCE", self.since), ("BEFORE", self.before)):
            words += [key, day(moment)] if moment else []
        for key, wanted in (("SEEN", self.seen), ("FLAGGED", self.flagged)):
            words += [] if wanted is None else [key if wanted else f"UN{key}"]
        literal = None
        for key, text in sorted(self.texts, key=lambda one: not one[1].isascii()):
            words.append(key)
            if text.isascii():
                words.append(quoted(text))
            else:
                literal = text.encode()
        return words or ["ALL"], literal


class ReadEmailParams(Params):
    """Which mails of which mailbox, and what becomes of them."""

    host: Line = Field(min_length=1, max_length=253, description="The IMAP server.")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Else 993, or 143 without `implicit`."
    )
    tls: Tls = Field(
        default="implicit",
        description="`implicit`, `starttls`, or `none`: open to read for all between.",
    )
    user: Line = Field(min_length=1, max_length=320, description="Who signs in.")
    password: Secret | None = Field(
        default=None, description="Take it from a secret; or give `access_token`."
    )
    access_token: Secret | None = Field(
        default=None, description="OAuth 2 token (XOAUTH2), instead of a password."
    )
    folder: Line = Field(
        default="INBOX", min_length=1, max_length=500, description="Where to look."
    )
    search: MailSearch = Field(
        default_factory=MailSearch, description="Which mails; without it all."
    )
    uids: list[Annotated[int, Field(ge=1, le=2**32 - 1)]] | None = Field(
        default=None,
        min_length=1,
        max_length=1_000,
        description="Only these mails, known from an earlier step.",
    )
    limit: int = Field(
        default=20, ge=1, le=MAX_MAILS, description="The most mails that are taken."
    )
    order: Literal["oldest", "newest"] = Field(
        default="oldest", description="Which of them come first."
    )
    fetch: bool = Field(
        default=True, description="If not, mails are only marked or moved."
    )
    save_attachments: Folder | None = Field(
        default=None,
        max_length=500,
        description="Folder of the workspace that attachments go to.",
    )
    mark: Literal["none", "seen", "unseen", "flagged", "unflagged"] = Field(
        default="none", description="What the mails are marked as afterwards."
    )
    move_to: Line | None = Field(
        default=None, min_length=1, max_length=500, description="Folder they go to."
    )
    timeout: Duration = Field(
        default=timedelta(seconds=30), description="For each answer of the server."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.password is None) == (self.access_token is None):
            raise ValueError("give either `password` or `access_token`")
        if not self.fetch and (self.save_attachments is not None or not self.changes):
            raise ValueError("without `fetch`, give `mark` or `move_to` only")
        return self

    @property
    def changes(self) -> bool:
        """Whether anything in the mailbox is changed."""
        return self.mark != "none" or self.move_to is not None

    @property
    def server(self) -> Server:
        """Where the mailbox is."""
        return Server(self.host, self.port or _PORTS[self.tls], self.tls)

    @property
    def credentials(self) -> Credentials:
        """Who signs in."""
        secrets = [
            None if one is None else one.get_secret_value()
            for one in (self.password, self.access_token)
        ]
        return Credentials(self.user, *secrets)


@register("read_email")
class ReadEmail(StepType[ReadEmailParams]):
    """Read mails by IMAP, keep their attachments, mark and move them.

    The output is `{messages, folder, uid_validity, matched}`, `matched` being how many
    mails fit. Each message has `uid`, `message_id`, `in_reply_to`, `subject`, `date`,
    `from`, `reply_to`, `to`, `cc` (mappings of `name` and `address`), `text`, `html`,
    `flags`, `size`, `is_whole` and `attachments`: `{name, content_type, bytes, path}`.
    Of mails above 25 MiB only the header is read.

    A mail does not become read by it. To lose none when a worker dies, read first,
    do what is to be done, and mark or move the mails by their `uids` in a step of its
    own with `fetch: false`.

    Example:
        - id: inbox
          type: read_email
          params:
            host: imap.example.com
            user: orders@example.com
            password: "{{ secrets.mailbox }}"
            search: {seen: false, subject: Order}
            save_attachments: in/mail
    """

    params_class = ReadEmailParams
    effect = Effect.WRITE
    on_crash = OnCrash.FAIL

    def effect_of(self, params: ReadEmailParams) -> Effect:
        saves = params.save_attachments is not None
        return Effect.WRITE if params.changes or saves else Effect.READ

    def is_keyed(self, params: ReadEmailParams) -> bool:
        # Marked or moved, the mails of a search would not be found a second time.
        return not params.changes or (params.uids is not None and not params.fetch)

    def summary(self, params: ReadEmailParams) -> str:
        does = [f"read mails in {params.folder}" if params.fetch else "take mails"]
        if params.mark != "none":
            does.append(f"mark them as {params.mark}")
        if params.move_to is not None:
            does.append(f"move them to {params.move_to}")
        return f"{', '.join(does)}, at {params.host}"

    def run(self, params: ReadEmailParams, ctx: StepContext) -> Json:
        if params.tls == "none":
            ctx.warn("Password and mails went over an open connection.")
        with opened(
            params.server,
            params.credentials,
            params.folder,
            policy=ctx.policy,
            timeout_s=bounded_timeout(ctx, params.timeout),
            is_readonly=not params.changes,
        ) as box:
            return _read(params, box, ctx)


def _read(params: ReadEmailParams, box: Mailbox, ctx: StepContext) -> JsonObject:
    found = box.search(*params.search.criteria(params.uids))
    if params.search.uid_above is not None:
        # `5:*` always has the last mail too, even when its number is 3.
        found = [uid for uid in found if uid > params.search.uid_above]
    chosen = found[: params.limit]
    if params.order == "newest":
        chosen = found[: -params.limit - 1 : -1]
    messages: list[JsonObject] = []
    if params.fetch:
        raw = _fetched(box, chosen, ctx)
        chosen = [mail.uid for mail in raw]
        wants_files = params.save_attachments is not None
        messages = ctx.bounded(parse_mails, raw, wants_files) if raw else []
        _save_all(params, messages, ctx)
    if chosen:
        _change(params, box, chosen, ctx)
    return {
        "messages": messages,
        "folder": params.folder,
        "uid_validity": box.validity,
        "matched": len(found),
    }


def _fetched(box: Mailbox, uids: list[int], ctx: StepContext) -> list[RawMail]:
    mails: list[RawMail] = []
    left = MAX_TOTAL_BYTES
    for uid, size, flags in box.listed(uids):
        is_whole = size <= MAX_MAIL_BYTES
        if is_whole and size > left:
            ctx.warn(f"Only the first {len(mails)} mails were read: they are large.")
            break
        content = box.fetch(uid, "" if is_whole else "HEADER")
        if content is None:
            continue
        if not is_whole:
            ctx.warn(f"Of mail {uid} only the header was read: it is too large.")
        left -= len(content)
        mails.append(RawMail(uid, size, flags, content, is_whole))
    return mails


def _save_all(
    params: ReadEmailParams, messages: list[JsonObject], ctx: StepContext
) -> None:
    if params.save_attachments is None:
        return
    folder = f"{params.save_attachments}/" if params.save_attachments else ""
    for message in messages:
        for number, attached in enumerate(message["attachments"], 1):
            name = _file_name(attached["name"])
            path = checked_path(f"{folder}{message['uid']}-{number}-{name}")
            ctx.files.write_bytes(path, attached.pop("content"))
            attached["path"] = path


def _file_name(name: str) -> str:
    """A name for a file that is made of one that anybody may have chosen."""
    bare = _UNSAFE.sub("_", name.replace("\\", "/").rpartition("/")[2])
    stem, dot, ending = bare.rpartition(".")
    short = f"{stem[:60]}{dot}{ending[:20]}".strip(" .")
    return short or "attachment"


def _change(
    params: ReadEmailParams, box: Mailbox, uids: list[int], ctx: StepContext
) -> None:
    if params.mark != "none":
        flag, on = _MARKS[params.mark]
        box.mark(uids, flag, on=on)
    if params.move_to is not None and not box.move(uids, params.move_to):
        ctx.warn(
            "The server cannot move mails: they were copied, and marked as deleted."
        )
