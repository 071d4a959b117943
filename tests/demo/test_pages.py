import importlib.util

import pytest
from django.urls import Resolver404, resolve
from lxml import html

from apps.demo.catalog import PRODUCTS


def page_of(client, path):
    response = client.get(f"/demo/{path}")
    assert response.status_code == 200
    return html.fromstring(response.content)


def column(page, selector):
    return [cell.text_content() for cell in page.cssselect(selector)]


def test_the_landing_page_leads_to_all_pages(client):
    links = page_of(client, "").xpath("//main//a/@href")
    for path in ("challenge", "people.xlsx", "shop", "overdue", "slow", "webhook"):
        assert any(link.startswith(f"/demo/{path}") for link in links)


def test_the_shop_has_two_pages_with_all_products(client):
    first = page_of(client, "shop")
    second = page_of(client, f"shop{first.cssselect('a[rel=next]')[0].get('href')}")
    skus = [cell for page in (first, second) for cell in column(page, "td.sku")]
    assert skus == [item.sku for item in PRODUCTS]
    assert not second.cssselect("a[rel=next]")


def test_a_category_shows_its_products_alone(client):
    page = page_of(client, "shop?category=Lamps")
    assert column(page, "td.category") == ["Lamps"] * 4


def test_a_category_that_is_not_there_says_so(client):
    assert (
        "No product in this category"
        in page_of(client, "shop?category=x").text_content()
    )


@pytest.mark.parametrize("number", ["0", "-1", "999", "x", "%00"])
def test_odd_page_numbers_show_a_page(client, number):
    assert page_of(client, f"shop?page={number}").cssselect("tr.product")


def test_prices_are_plain_numbers(client):
    prices = column(page_of(client, "shop"), "td.price")
    assert prices[0] == "489.00"
    assert all(float(price) > 0 for price in prices)


@pytest.mark.parametrize("item", PRODUCTS, ids=lambda item: item.sku)
def test_each_product_has_a_page(client, item):
    page = page_of(client, f"shop/{item.sku}")
    assert page.get_element_by_id("name").text_content() == item.name
    assert page.get_element_by_id("price").text_content() == str(item.price)


def test_an_unknown_product_is_not_found(client):
    assert client.get("/demo/shop/nothing").status_code == 404


def test_the_overdue_invoices_of_a_customer_can_be_read(client):
    page = page_of(client, "overdue?c=acme")
    assert column(page, "table tr.overdue td.no") == [
        "2024-0007",
        "2024-0011",
        "2024-0019",
    ]
    assert column(page, "table tr.overdue td.sum") == ["1240.50", "89.00", "310.00"]
    assert len(page.cssselect("tbody tr")) == 4


def test_all_invoices_are_shown_without_a_customer(client):
    assert len(page_of(client, "overdue").cssselect("tr.overdue")) == 6


def test_an_unknown_customer_has_no_invoices(client):
    page = page_of(client, "overdue?c=%3Cb%3E")
    assert "No invoice of this customer" in page.text_content()


def test_the_slow_page_says_how_long_it_took(client):
    page = page_of(client, "slow?seconds=0.01")
    assert page.get_element_by_id("seconds").text_content() == "0.01"
    assert page.get_element_by_id("ready").get("hidden") is None


def test_the_last_element_of_the_slow_page_comes_later(client):
    page = page_of(client, "slow?seconds=0&appear=1.5")
    ready = page.get_element_by_id("ready")
    assert (ready.get("hidden"), ready.get("data-after-ms")) == ("", "1500")


@pytest.mark.parametrize("value", ["x", "nan", "", "1,5", "1s"])
def test_the_slow_page_refuses_what_is_no_number(client, value):
    response = client.get("/demo/slow", {"seconds": value})
    assert response.status_code == 400


def test_the_slow_page_is_bounded(client):
    page = page_of(client, "slow?seconds=-inf&appear=1e400")
    assert page.get_element_by_id("seconds").text_content() == "0.0"
    assert page.get_element_by_id("ready").get("data-after-ms") == "10000"


def platform_urls(settings, *, demo):
    """The platform's addresses as a process with this setting builds them."""
    settings.RPA_DEMO = demo
    spec = importlib.util.find_spec("rpa.urls")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_platform_serves_the_site_when_asked_to(settings):
    urls = platform_urls(settings, demo=True)
    assert resolve("/demo/challenge", urlconf=urls).view_name == "demo:challenge"


@pytest.mark.parametrize("path", ["", "challenge", "people.xlsx", "webhook"])
def test_the_platform_does_not_serve_the_site_otherwise(settings, path):
    urls = platform_urls(settings, demo=False)
    with pytest.raises(Resolver404):
        resolve(f"/demo/{path}", urlconf=urls)
