"""The SROS2 policies, read without sros2."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

FOLDER = Path(__file__).resolve().parents[2] / "config" / "security"
POLICIES = sorted(FOLDER.glob("*.policy.xml"))
_INCLUDE = "{http://www.w3.org/2001/XInclude}include"

DOMAIN_OF_RULE = {
    ("topics", "publish"): "publisher",
    ("topics", "subscribe"): "subscriber",
    ("services", "reply"): "service",
    ("services", "request"): "client",
}
"""Element and attribute of a rule to what rclpy calls the endpoints that it concerns."""


def read_policy(path: Path) -> ElementTree.Element:
    """The policy's root element, with ``xi:include`` of other files' profiles carried out."""
    root = ElementTree.parse(path).getroot()
    for profile in root.iter("profile"):
        for place, element in enumerate(list(profile)):
            if element.tag == _INCLUDE:
                assert element.get("xpointer") == "xpointer(/profile/*)"
                profile.remove(element)
                included = ElementTree.parse(path.parent / element.attrib["href"]).getroot()
                profile[place:place] = list(included)
    return root


def allowed_names(path: Path) -> dict[str, list[str]]:
    """Resolved names that a policy allows, by kind of endpoint."""
    (profile,) = read_policy(path).iter("profile")
    space = profile.attrib["ns"].rstrip("/")
    own = f"{space}/{profile.attrib['node']}"
    names: dict[str, list[str]] = defaultdict(list)
    for rule in profile:
        for way in rule.attrib:
            for entry in rule:
                name = entry.text or ""
                if not name.startswith("/"):
                    name = own + name[1:] if name.startswith("~") else f"{space}/{name}"
                names[DOMAIN_OF_RULE[rule.tag, way]].append(name)
    return names
