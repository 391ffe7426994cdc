# Makes .venv if there is none, installs the project with the extras named as arguments, and
# activates it. Sourced by quickstart.sh and test.sh from the repository's root.

environment() {
  local extras="$1" python stamp wanted
  if [ ! -x .venv/bin/python ]; then
    for python in "${PYTHON:-}" python3.11 python3.10 python3.9 python3; do
      [ -n "$python" ] && "$python" -c 'import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))' \
        2>/dev/null && break
      python=""
    done
    if [ -z "$python" ]; then
      echo "error: found no Python 3.9 to 3.11, expected one on the PATH or in the variable PYTHON" >&2
      return 2
    fi
    if ! "$python" -m venv .venv; then
      rm -rf .venv
      echo "error: $python makes no virtual environment; on Debian: apt-get install python3-venv" >&2
      return 2
    fi
  fi
  . .venv/bin/activate
  wanted=$(cat pyproject.toml constraints.txt | sha256sum | cut -c1-16)
  for extra in ${extras//,/ }; do
    stamp=".venv/.installed-$extra-$wanted"
    if [ ! -e "$stamp" ]; then
      echo "installing paddle-reg-tasks[$extra] into .venv"
      python -m pip install --quiet --disable-pip-version-check \
        --constraint constraints.txt --editable ".[$extra]" || return 1
      touch "$stamp"
    fi
  done
  if ! python -c 'import cv2' 2>/dev/null; then
    echo "error: OpenCV finds no libGL or glib; on Debian: apt-get install libgl1 libglib2.0-0" >&2
    return 2
  fi
}
