"""A link as integration holds it: what `links` carries, with what only its two sides may know."""

from collections.abc import Sequence

from pydantic import Field

from shared.contracts.links import Link


class OwnLink(Link):
    """A link with the e-mail that was invited in place of a missing account, and both accounts' names."""

    email: str | None = Field(
        default=None, description="Who was invited; null once there is an account in its place."
    )
    shop_name: str | None = None
    threepl_name: str | None = None

    def announced(self) -> Link:
        """What `links` carries of it: ids only, nobody's name or address."""
        return Link.model_construct(**{name: getattr(self, name) for name in Link.model_fields})


def search_texts(link: OwnLink) -> Sequence[str]:
    """What a list of links finds it by: of the shop, of the 3PL, and what both may know."""
    shared = (link.email, link.settings.client_reference)
    parts = ((link.shop_id, link.shop_name), (link.threepl_id, link.threepl_name), shared)
    return tuple(" ".join(word for word in words if word) for words in parts)
