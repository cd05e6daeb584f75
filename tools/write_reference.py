"""Write the generated pages of docs/reference anew: parameters, messages, command line.

. .venv/ros_env.sh && python tools/write_reference.py
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from convlstm_perception.cli.main import COMMANDS, PROGRAM
from convlstm_perception.ros.parameters import PARTS
from convlstm_perception.settings import Setting, described_fields

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "reference"
MESSAGES = ROOT / "ros2_ws" / "src" / "convlstm_perception_msgs" / "msg"
NOTICE = "<!-- Made by tools/write_reference.py; do not edit. -->\n\n"

_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_FIELD = re.compile(r"(?P<type>\S+)\s+(?P<name>\w+)(?:\s*=\s*(?P<value>\S+))?")


def parameters_page() -> str:
    """Every parameter of the node, by the part of it that reads it."""
    return NOTICE + "\n".join(_parameter_lines()) + "\n"


def _parameter_lines() -> Iterator[str]:
    yield "# Parameters"
    yield ""
    yield (
        "Parameters marked * may be set at any time, the rest while the node is unconfigured. With "
        "names in `cameras`, those under *Camera settings* may also be given for each, as "
        "`front.image_topic`. The same as a file to start from: "
        "[perception.params.yaml](../../config/perception.params.yaml)."
    )
    for part in PARTS:
        yield from ("", f"## {_WORDS.sub(' ', part.__name__).capitalize()}", "")
        yield _cell((part.__doc__ or "").strip().split("\n\n")[0])
        yield from ("", "| parameter | default | allowed | what |", "|---|---|---|---|")
        for entry, known in described_fields(part):
            live = " *" if known.live else ""
            yield (
                f"| `{entry.name}`{live} | {_code(entry.default)} | {_allowed(known)} | "
                f"{_cell(known.description)} |"
            )


def _allowed(known: Setting) -> str:
    if known.low is not None and known.high is not None:
        return f"{known.low:g} to {known.high:g}"
    return ", ".join(f"`{choice}`" for choice in known.choices)


def _code(value: object) -> str:
    """As YAML has it."""
    return f"`{json.dumps(value)}`"


def messages_page() -> str:
    """Every message of convlstm_perception_msgs, of its own file."""
    return NOTICE + "\n".join(_message_lines()) + "\n"


def _message_lines() -> Iterator[str]:
    yield "# Messages"
    yield ""
    yield "Of the package `convlstm_perception_msgs`, with the comments of its `.msg` files."
    for path in sorted(MESSAGES.glob("*.msg")):
        about, _, rest = path.read_text().partition("\n\n")
        yield from ("", f"## {path.stem}", "", _comment(about.splitlines()))
        yield from ("", "| field | type | what |", "|---|---|---|")
        comment: list[str] = []
        follows = ""
        for line in rest.splitlines():
            if line.startswith("#"):
                comment.append(line)
                continue
            field = _FIELD.match(line)
            if field is None:  # an empty line
                continue
            # What has no comment of its own is told by the one of the field before.
            follows = _comment(comment) if comment else ("as above" if follows else "")
            value = f" = {field['value']}" if field["value"] else ""
            yield f"| `{field['name']}{value}` | {_type(field['type'])} | {_cell(follows)} |"
            comment = []


def _type(name: str) -> str:
    """A type, linked where it is one of ours."""
    base = name.split("[")[0]
    package, _, kind = base.rpartition("/")
    if package != "convlstm_perception_msgs":
        return f"`{name}`"
    return f"[`{kind}{name[len(base) :]}`](#{kind.lower()})"


def _comment(lines: list[str]) -> str:
    return " ".join(line.lstrip("# ").rstrip() for line in lines)


def cli_page() -> str:
    """Every command with its arguments, of argparse's own declarations."""
    return NOTICE + "\n".join(_command_lines()) + "\n"


def _command_lines() -> Iterator[str]:
    yield "# Command line"
    yield ""
    yield f"`{PROGRAM} COMMAND`; `{PROGRAM} COMMAND --help` tells the same."
    for name in COMMANDS:
        module = importlib.import_module(f"convlstm_perception.cli.{name}")
        parser = argparse.ArgumentParser(prog=f"{PROGRAM} {name}")
        module.add_arguments(parser)
        yield from ("", f"## {name}", "", _cell(module.__doc__ or ""))
        yield from _parser_lines(parser, name)


def _parser_lines(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
    """A table of the arguments, or, of a command that has some of its own, a part for each."""
    actions = parser._actions  # argparse has no other way to list them
    for action in actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                words = f"{name} {choice.dest}"
                about = choice.help or ""
                yield from ("", f"### {words}", "", _cell(f"{about[:1].upper()}{about[1:]}."))
                yield from _parser_lines(action.choices[choice.dest], words)
            return
    yield from ("", "| argument | what |", "|---|---|")
    for action in actions:
        if not isinstance(action, argparse._HelpAction):
            yield f"| {_cell(_argument(action))} | {_cell(_help(action))} |"


def _argument(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    if action.nargs == 0:
        return ", ".join(f"`{option}`" for option in action.option_strings)
    if action.choices is not None and action.metavar is None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    else:
        value = str(action.metavar or action.dest.upper())
    return ", ".join(f"`{option} {value}`" for option in action.option_strings)


def _help(action: argparse.Action) -> str:
    values = {**vars(action), "prog": PROGRAM}
    return (action.help or "") % values


def _cell(text: str) -> str:
    """On one line, and safe inside a table."""
    words = " ".join(text.split()).replace("``", "`")
    return words.replace("|", "\\|").replace("<", "&lt;")


PAGES = {"parameters.md": parameters_page, "messages.md": messages_page, "cli.md": cli_page}
"""File names in docs/reference, and what makes their text."""


if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())
