"""Makes the operators' site the one that every room registers its models with."""

from django.contrib.admin.apps import AdminConfig


class OperatorsConfig(AdminConfig):
    """Django's admin with a site of ours."""

    default_site = "apps.core.operators.site.OperatorsSite"
