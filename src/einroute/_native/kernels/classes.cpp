// Whether labels are classes: compiled once for each instruction set, in a namespace of its own.

#include "../classes.hpp"
#include "vectors.hpp"

namespace einroute {
namespace EINROUTE_ISA_NAME {
namespace {

using std::ptrdiff_t;
using Word = unsigned long long;

constexpr ptrdiff_t SIZE = static_cast<ptrdiff_t>(sizeof(Word));

void write_classes(const Classes& c) {
    ptrdiff_t i = 0;
#if defined(__GNUC__) || defined(__clang__)
    typedef Word Words __attribute__((vector_size(32)));
    constexpr ptrdiff_t WIDE = 32 / SIZE;
    const Words length = {c.length, c.length, c.length, c.length}, one = {c.one, c.one, c.one, c.one};
    for (; i + WIDE <= c.count; i += WIDE) {
        Words labels, others;
        std::memcpy(&labels, c.labels + i * SIZE, sizeof labels);
        Words made = reinterpret_cast<Words>(labels < length) & one;
        if (c.others != nullptr) {
            std::memcpy(&others, c.others + i * SIZE, sizeof others);
            made &= reinterpret_cast<Words>(labels == others);
        }
        std::memcpy(c.out + i * SIZE, &made, sizeof made);
    }
#endif
    for (; i < c.count; ++i) {
        const Word label = load<Word>(c.labels + i * SIZE);
        const bool same =
            label < c.length && (c.others == nullptr || load<Word>(c.others + i * SIZE) == label);
        const Word made = same ? c.one : 0;
        std::memcpy(c.out + i * SIZE, &made, sizeof made);
    }
}

} // namespace

extern const ClassLoop CLASSES;
const ClassLoop CLASSES = write_classes;

} // namespace EINROUTE_ISA_NAME
} // namespace einroute
