#!/usr/bin/env bash
# Builds the compiled core with AddressSanitizer and UndefinedBehaviorSanitizer, installs einroute into this
# environment, and runs tests and the fuzz: those of calls, bad input and threads, or with EINROUTE_NIGHTLY=1 all of
# the core's. The first argument is a folder for the build; the others go to the fuzz.
set -euo pipefail
build=$1
shift
cxx=${CXX:-g++}
for library in libasan.so libubsan.so; do
    if [[ $($cxx -print-file-name=$library) != /* ]]; then
        echo "$cxx has no $library: install GCC's sanitizers (libasan and libubsan)" >&2
        exit 1
    fi
done

# Kernels of one instruction set do. The optimizer takes minutes over their vectors when both sanitizers are in.
options=(-Ccmake.define.EINROUTE_BASELINE_ONLY=ON)
if [[ ${EINROUTE_NIGHTLY:-0} == 1 ]]; then
    cases=2000
    tests=(
        tests/native tests/kinds/dense/test_network.py tests/kinds/difference/test_blocks.py
        tests/kinds/rolled/test_correlate.py tests/kinds/rolled/test_several.py
    )
else
    options+=("-Ccmake.define.EINROUTE_KERNEL_FLAGS=-O0;-fno-sanitize=undefined")
    cases=100
    tests=(
        tests/native/test_calls.py tests/native/test_dispatch.py tests/native/test_sampled_input.py
        tests/native/test_label_sums.py tests/native/test_row_squares.py
    )
fi

# -O1 and lines alone compile in half the time of RelWithDebInfo, and find the same.
CXXFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g1 -O1" \
    CMAKE_BUILD_PARALLEL_LEVEL=2 env -u PYTHONMALLOC python -m pip install -q --no-build-isolation --no-deps . \
    -Ccmake.build-type=None -Cbuild-dir="$build/asan" "${options[@]}"
LD_PRELOAD="$($cxx -print-file-name=libasan.so) $($cxx -print-file-name=libstdc++.so)"
export LD_PRELOAD
# Not those that count memory, or that interrupt loops which are only long enough without the sanitizers.
python -m pytest -q -p no:cacheprovider "${tests[@]}" \
    -k "not leaks and not address_space and not ends_with and not test_loading and not interrupt and not many_calls"
python -m tests.native.fuzz --cases "$cases" "$@"
