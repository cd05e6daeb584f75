#!/bin/sh
# Print the first Python that can carry this project: CPython 3.11 or 3.12 that really runs.
# (pyenv leaves names on the PATH that fail when called, so each is tried.) Of a virtual
# environment the Python it was made of: ours may be first on the PATH, and is about to be made.
for candidate in "$PYTHON" python3.12 python3.11 python3; do
    [ -n "$candidate" ] || continue
    "$candidate" -c 'import sys
if sys.version_info[:2] not in ((3, 11), (3, 12)): sys.exit(1)
print(sys._base_executable)' 2>/dev/null && exit 0
done
echo "No CPython 3.11 or 3.12 found (tried: ${PYTHON:-\$PYTHON} python3.12 python3.11 python3)." >&2
echo "Install one, for example: sudo apt install python3 python3-venv python3-dev" >&2
echo "or name one: make PYTHON=/path/to/python3.12 ..." >&2
exit 1
