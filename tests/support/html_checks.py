"""What a test asks of a page: that it is well-formed, fetches nothing, and what it says."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input"}
FETCHING = {"script", "link", "img", "iframe", "object", "embed", "base", "audio", "video", "source", "form"}


class Page(HTMLParser):
    """A page taken apart: its elements, ids, addresses and text; unbalanced elements are an error."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.addresses = [], [], [], []
        self.texts, self.values = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        given = dict(attributes)
        if "id" in given:
            self.ids.append(given["id"])
        self.addresses += [
            value for name, value in attributes if name in ("href", "src", "xlink:href", "action")
        ]
        if tag == "data":
            self.values.append(float(given["value"]))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def self_contained(text):
    """The page taken apart, after checking that it stands alone."""
    page = Page(text)
    assert not set(page.tags) & FETCHING
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in page.addresses)
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert len(set(page.ids)) == len(page.ids)
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= set(page.ids)
    return page
