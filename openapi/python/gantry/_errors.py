"""What can go wrong, as exceptions. The text of each is the service's own sentence: what was wrong, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gantry._models import StagedFiles


class GantryError(Exception):
    """Anything that Gantry refused or could not do; the fields are those of its problem details (RFC 9457).

    ``type`` is the kind of problem, such as ``/problems/asset-not-found``; empty where no service was asked.
    """

    def __init__(self, detail: str, *, type: str = "", title: str = "", status: int | None = None, instance: str = "", known: Any = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.type = type
        self.title = title
        self.status = status
        self.instance = instance
        self.known = known


class NotConfigured(GantryError):
    """It is not said which service to ask, or with what token."""


class Unreachable(GantryError):
    """The service did not answer, or not in time."""


class NotUnderstood(GantryError):
    """What answered is not a Gantry service, or one that speaks otherwise."""


class NotLoggedIn(GantryError):
    """The service does not know who asks."""


class NotAllowed(GantryError):
    """The token lacks a scope, or only an operator may do this."""


class NotFound(GantryError):
    """There is nothing of that name, or it is somebody else's."""


class Withdrawn(NotFound):
    """The archive no longer has this asset; ``known`` is what is known of it."""


class Refused(GantryError):
    """The request has not the form it must have, or asks for what cannot be done."""


class TooLarge(Refused):
    """The request is larger than is allowed."""


class Conflict(GantryError):
    """What was asked for collides with what is there."""


class OutOfSpace(GantryError):
    """The volume is full, or the quota is used up."""


class Unavailable(GantryError):
    """The service, an archive, a volume elsewhere or a lab cannot answer now; it may later."""


class ServiceFailed(GantryError):
    """Something went wrong in the service; its log has more under ``instance``."""


class TimedOut(GantryError):
    """What was waited for is not done in time; it goes on."""


class StagingFailed(GantryError):
    """Not every file was staged. ``files`` are all of them, also those that were; ``job`` is the id of the staging job."""

    def __init__(self, detail: str, *, files: StagedFiles | None = None, job: str = "") -> None:
        super().__init__(detail)
        self.files = files
        self.job = job


class LabFailed(GantryError):
    """The datalab ended before it could be opened."""


KINDS: dict[str, type[GantryError]] = {
    "bad-request": Refused,
    "not-logged-in": NotLoggedIn,
    "not-allowed": NotAllowed,
    "foreign-host": Refused,
    "not-found": NotFound,
    "asset-not-found": NotFound,
    "asset-withdrawn": Withdrawn,
    "method-not-allowed": Refused,
    "conflict": Conflict,
    "too-large": TooLarge,
    "range-outside": Refused,
    "unprocessable": Refused,
    "unknown-assets": Refused,
    "too-many-assets": Refused,
    "idempotency-key-reused": Refused,
    "volume-full": OutOfSpace,
    "over-quota": OutOfSpace,
    "read-only": NotAllowed,
    "volume-unavailable": Unavailable,
    "archive-unavailable": Unavailable,
    "lab-unavailable": Unavailable,
    "busy": Unavailable,
    "too-many-requests": Unavailable,
    "too-slow": Unavailable,
    "intent-gone": NotFound,
    "internal-error": ServiceFailed,
}
"""The kinds of problems that the service knows."""

STATUSES: dict[int, type[GantryError]] = {
    401: NotLoggedIn, 403: NotAllowed, 404: NotFound, 409: Conflict, 410: Withdrawn, 413: TooLarge, 429: Unavailable,
    502: Unavailable, 503: Unavailable, 504: Unavailable, 507: OutOfSpace,
}  # fmt: skip
"""For kinds that are not in ``KINDS``, and for answers of something between us and the service."""


def class_of(kind: str, status: int) -> type[GantryError]:
    """The exception for a problem of this kind and status."""
    by_status = STATUSES.get(status) or (Refused if 400 <= status < 500 else ServiceFailed if status >= 500 else NotUnderstood)
    return KINDS.get(kind.rpartition("/problems/")[2], by_status)
