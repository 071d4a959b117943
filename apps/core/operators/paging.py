"""Pages of tables with a million rows: nothing is counted."""

from typing import Any

from django.core.paginator import Page
from unfold.paginator import InfinitePaginator as UnfoldPaginator


class InfinitePaginator(UnfoldPaginator):  # type: ignore[misc]  # has no types
    """Pages with a way to the next one and without a number of rows.

    Counting takes seconds on a million rows, and so does a page far behind: what is
    older is found by search and filters. By this name of the class unfold knows that
    it has no number of rows to show.
    """

    DEEPEST = 200

    @property
    def count(self) -> int:
        """An upper bound: so many rows can be paged through."""
        return self.DEEPEST * int(self.per_page)

    def page(self, number: Any) -> Page[Any]:
        """One page; one behind the last row is empty."""
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        found: Page[Any] = self._get_page(
            self.object_list[first : first + self.per_page], number, self
        )
        return found
