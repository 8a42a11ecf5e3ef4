// Whether labels are classes: compiled once for each instruction set, in a namespace of its own.

#include "../classes.hpp"
#include "vectors.hpp"

#include <cstdint>
#include <type_traits>

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using std::ptrdiff_t;

#if defined(__clang__) || __GNUC__ >= 9

// So many of a type, whose vectors go together.
template <class T, ptrdiff_t N> struct Some {
    typedef T type __attribute__((vector_size(N * sizeof(T))));
};

template <class L, class R> ptrdiff_t write_vectors(const Classes& c, L last, R one) {
    constexpr ptrdiff_t LABEL = sizeof(L), ITEM = sizeof(R), WIDE = LABEL == 8 ? 4 : 8;
    using Labels = typename Some<L, WIDE>::type;
    using Signed = typename Some<std::make_signed_t<R>, WIDE>::type;
    ptrdiff_t i = 0;
    for (; i + WIDE <= c.count; i += WIDE) {
        Labels labels, others;
        std::memcpy(&labels, c.labels + i * LABEL, sizeof labels);
        auto same = labels <= last;
        if (c.others != nullptr) {
            std::memcpy(&others, c.others + i * LABEL, sizeof others);
            same &= labels == others;
        }
        const Signed made = __builtin_convertvector(same, Signed) & static_cast<std::make_signed_t<R>>(one);
        std::memcpy(c.out + i * ITEM, &made, sizeof made);
    }
    return i;
}

#else

template <class L, class R> ptrdiff_t write_vectors(const Classes&, L, R) {
    return 0;
}

#endif

// Labels and ones of so many bytes; both as unsigned numbers.
template <class L, class R> void write(const Classes& c) {
    const L last = static_cast<L>(c.last);
    const R one = static_cast<R>(c.one);
    constexpr ptrdiff_t LABEL = sizeof(L), ITEM = sizeof(R);
    for (ptrdiff_t i = write_vectors<L, R>(c, last, one); i < c.count; ++i) {
        const L label = load<L>(c.labels + i * LABEL);
        const bool same = label <= last && (c.others == nullptr || load<L>(c.others + i * LABEL) == label);
        const R made = same ? one : R(0);
        std::memcpy(c.out + i * ITEM, &made, sizeof made);
    }
}

template <class L> void write_items(const Classes& c) {
    if (c.item == 4) {
        write<L, std::uint32_t>(c);
    } else {
        write<L, std::uint64_t>(c);
    }
}

void write_classes(const Classes& c) {
    switch (c.label) {
    case 1:
        return write_items<std::uint8_t>(c);
    case 2:
        return write_items<std::uint16_t>(c);
    case 4:
        return write_items<std::uint32_t>(c);
    default:
        return write_items<std::uint64_t>(c);
    }
}

} // namespace

extern const ClassLoop CLASSES;
const ClassLoop CLASSES = write_classes;

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
