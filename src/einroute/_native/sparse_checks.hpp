// Whether index arrays describe a sparse operand.
#pragma once

#include "numpy_api.hpp"

#include <cstdint>
#include <type_traits>

namespace einroute {
namespace {

// Entries from which the GIL is released.
constexpr npy_intp RELEASED = 1 << 15;
// Pointers for each entry from which not all of them are passed.
constexpr npy_intp FEWER = 32;

// Whether all indices are in [0, length): the sign of what is too small, or of the difference that is too
// large, stays in lanes of their own size.
template <class I, class U> bool all_below(const I* indices, npy_intp count, npy_intp length) {
    constexpr npy_intp MOST = static_cast<npy_intp>(static_cast<U>(-1) >> 1);
    const U last = static_cast<U>((length < MOST ? length : MOST) - 1);
    if (length == 0) {
        return count == 0;
    }
    U out = 0;
    for (npy_intp k = 0; k < count; ++k) {
        const U found = static_cast<U>(indices[k]);
        out |= found | (last - found);
    }
    return (out >> (sizeof(U) * 8 - 1)) == 0;
}

template <class I> bool rise(const I* indptr, npy_intp lines) {
    if (indptr[0] != 0) {
        return false;
    }
    using U = std::make_unsigned_t<I>;
    U out = 0; // from 0 on none is negative as long as none before falls
    for (npy_intp i = 0; i < lines; ++i) {
        const U low = static_cast<U>(indptr[i]), high = static_cast<U>(indptr[i + 1]);
        out |= (high - low) | high;
    }
    return (out >> (sizeof(U) * 8 - 1)) == 0;
}

inline bool within(PyArrayObject* indices, npy_intp length) {
    const npy_intp count = PyArray_DIM(indices, 0);
    return PyArray_ITEMSIZE(indices) == 4
               ? all_below<std::int32_t, std::uint32_t>(static_cast<std::int32_t*>(PyArray_DATA(indices)),
                                                        count, length)
               : all_below<std::int64_t, std::uint64_t>(static_cast<std::int64_t*>(PyArray_DATA(indices)),
                                                        count, length);
}

// Whether pointers rise from 0 to the number of entries.
inline bool span_all(PyArrayObject* indptr, npy_intp lines, npy_intp entries) {
    if (PyArray_ITEMSIZE(indptr) == 4) {
        const std::int32_t* p = static_cast<std::int32_t*>(PyArray_DATA(indptr));
        return rise(p, lines) && p[lines] == entries;
    }
    const std::int64_t* p = static_cast<std::int64_t*>(PyArray_DATA(indptr));
    return rise(p, lines) && p[lines] == entries;
}

// Whether the first and the last are 0 and the number of entries.
inline bool ends_span(PyArrayObject* indptr, npy_intp lines, npy_intp entries) {
    if (PyArray_ITEMSIZE(indptr) == 4) {
        const std::int32_t* p = static_cast<std::int32_t*>(PyArray_DATA(indptr));
        return p[0] == 0 && p[lines] == entries;
    }
    const std::int64_t* p = static_cast<std::int64_t*>(PyArray_DATA(indptr));
    return p[0] == 0 && p[lines] == entries;
}

// Does work, of many entries without the GIL.
template <class Work> void released(npy_intp work, const Work& run) {
    if (work < RELEASED) {
        run();
        return;
    }
    Py_BEGIN_ALLOW_THREADS;
    run();
    Py_END_ALLOW_THREADS;
}

template <class Check> bool checked(npy_intp work, const Check& check) {
    bool good = false;
    released(work, [&] { good = check(); });
    return good;
}

} // namespace
} // namespace einroute
