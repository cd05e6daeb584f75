#!/bin/sh
# Print the first Python that can carry this project, and that really runs: CPython 3.11 or 3.12, or
# where ROS 2 Humble is sourced its 3.10. (pyenv leaves names on the PATH that fail when called, so
# each is tried.) Of a virtual environment the Python it was made of: ours may be first on the PATH,
# and is about to be made.
if [ "$ROS_DISTRO" = humble ]; then
    versions="3.10" names="python3.10 python3"
else
    versions="3.11 or 3.12" names="python3.12 python3.11 python3"
fi
for candidate in "$PYTHON" $names; do
    [ -n "$candidate" ] || continue
    "$candidate" -c 'import os, sys
if "%d.%d" % sys.version_info[:2] not in sys.argv[1].split(): sys.exit(1)
# 3.10 does not know which Python its environment was made of.
print(os.path.realpath(sys.executable) if sys.version_info < (3, 11) else sys._base_executable)
' "$versions" 2>/dev/null && exit 0
done
echo "No CPython $versions found (tried: ${PYTHON:-\$PYTHON} $names)." >&2
echo "Install one, for example: sudo apt install python3 python3-venv python3-dev" >&2
echo "or name one: make PYTHON=/path/to/python3.12 ..." >&2
exit 1
