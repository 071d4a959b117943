"""Pages to read from and to wait for: landing, file, shop, invoices, slow page."""

import asyncio
import math

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.demo import catalog
from apps.demo.layout import ROUNDS
from apps.demo.people import COLUMNS, people_xlsx

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SLOWEST_S = 10.0


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """What this site is, and what there is on it."""
    page = {"rounds": ROUNDS, "columns": COLUMNS, "goods": len(catalog.PRODUCTS)}
    return render(request, "demo/landing.html", page)


@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """The Excel file of the challenge."""
    return HttpResponse(
        people_xlsx(),
        content_type=XLSX,
        headers={"Content-Disposition": 'attachment; filename="people.xlsx"'},
    )


@require_safe
def shop(request: HttpRequest) -> HttpResponse:
    """The products, by page and category."""
    category = request.GET.get("category", "")
    paginator = Paginator(catalog.products(category), catalog.PAGE_SIZE)
    page = {
        "page": paginator.get_page(request.GET.get("page")),
        "category": category,
        "categories": catalog.CATEGORIES,
    }
    return render(request, "demo/shop.html", page)


@require_safe
def product(request: HttpRequest, sku: str) -> HttpResponse:
    """One product."""
    found = catalog.product(sku)
    if found is None:
        raise Http404(f"no product {sku}")
    return render(request, "demo/product.html", {"product": found})


@require_safe
def overdue(request: HttpRequest) -> HttpResponse:
    """The invoices, of one customer when `c` names one."""
    customer = request.GET.get("c", "")
    page = {
        "invoices": catalog.invoices(customer),
        "customer": customer,
        "customers": catalog.CUSTOMERS,
    }
    return render(request, "demo/overdue.html", page)


def _seconds(text: str) -> float | None:
    """A time within the bounds; None when `text` is no number."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), SLOWEST_S)


@never_cache
@require_safe
async def slow(request: HttpRequest) -> HttpResponse:
    """A page that takes `seconds` to answer and shows its end `appear` s later."""
    seconds = _seconds(request.GET.get("seconds", "2"))
    appear = _seconds(request.GET.get("appear", "0"))
    page = {"seconds": seconds, "appear": appear, "slowest": SLOWEST_S}
    if seconds is None or appear is None:
        return render(request, "demo/slow.html", page, status=400)
    await asyncio.sleep(seconds)
    return render(request, "demo/slow.html", page | {"appear_ms": int(appear * 1000)})
