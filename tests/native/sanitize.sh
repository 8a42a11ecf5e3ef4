#!/usr/bin/env bash
# Builds the compiled core with AddressSanitizer and UndefinedBehaviorSanitizer, installs einroute into this
# environment, and runs the core's tests and fuzz. The first argument is a folder for the build; the others go to
# the fuzz.
set -euo pipefail
build=$1
shift
# -O1 and lines alone compile in half the time of RelWithDebInfo, and find the same.
CXXFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g1 -O1" \
    CMAKE_BUILD_PARALLEL_LEVEL=2 env -u PYTHONMALLOC python -m pip install -q --no-build-isolation --no-deps . \
    -Ccmake.build-type=None -Cbuild-dir="$build/asan"
cxx=${CXX:-g++}
LD_PRELOAD="$($cxx -print-file-name=libasan.so) $($cxx -print-file-name=libstdc++.so)"
export LD_PRELOAD
# Not those that count memory, or that interrupt loops which are only long enough without the sanitizers.
python -m pytest -q -p no:cacheprovider tests/native \
    -k "not leaks and not address_space and not ends_with and not test_loading and not interrupt and not many_calls"
python -m tests.native.fuzz "$@"
