#!/usr/bin/env bash
# Builds the compiled core with AddressSanitizer and UndefinedBehaviorSanitizer, installs einroute into this
# environment, and runs the core's tests and fuzz. The first argument is a folder for the build; the others go to
# the fuzz.
set -euo pipefail
build=$1
shift
CXXFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g" \
    CMAKE_BUILD_PARALLEL_LEVEL=2 env -u PYTHONMALLOC python -m pip install -q --no-build-isolation --no-deps . \
    -Ccmake.build-type=RelWithDebInfo -Cbuild-dir="$build/asan"
cxx=${CXX:-g++}
LD_PRELOAD="$($cxx -print-file-name=libasan.so) $($cxx -print-file-name=libstdc++.so)"
export LD_PRELOAD
python -m pytest -q -p no:cacheprovider tests/native tests/kinds/dense/test_network.py -k "not leaks and not address_space and not ends_with and not test_loading"
python -m tests.native.fuzz "$@"
