"""Addresses of the demo site, below `/demo/`."""

from django.urls import path

from apps.demo.views import challenge, pages, webhook

app_name = "demo"
urlpatterns = [
    path("", pages.landing, name="landing"),
    path("people.xlsx", pages.people, name="people"),
    path("challenge", challenge.challenge, name="challenge"),
    path("challenge/start", challenge.start, name="start"),
    path("challenge/rounds/<int:number>", challenge.challenge_round, name="round"),
    path("challenge/score", challenge.score, name="score"),
    path("shop", pages.shop, name="shop"),
    path("shop/<slug:sku>", pages.product, name="product"),
    path("overdue", pages.overdue, name="overdue"),
    path("slow", pages.slow, name="slow"),
    path("webhook", webhook.webhook, name="webhook"),
]
