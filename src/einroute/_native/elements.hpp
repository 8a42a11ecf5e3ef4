// What dtypes' elements are to loops, and the types that stand for them. No Python here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace einroute {

// What a dtype's elements are to loops: integers of a size are one, signed or not, since they wrap.
enum class Element {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Complex64,
    Complex128,
    LongDouble, // these two have loops over arrays with strides, and nothing else
    ComplexLongDouble,
};

constexpr std::ptrdiff_t item_size(Element element) {
    constexpr std::ptrdiff_t LONG = sizeof(long double);
    constexpr std::ptrdiff_t SIZES[] = {1, 1, 2, 4, 8, 4, 8, 8, 16, LONG, 2 * LONG};
    return SIZES[static_cast<int>(element)];
}

constexpr bool is_long(Element element) {
    return element >= Element::LongDouble;
}

// The elements of a dtype, by its character; false where they are no plain numbers.
inline bool element_of(char character, Element& to) {
    constexpr auto integer = [](std::size_t size) {
        return size == 1   ? Element::Int8
               : size == 2 ? Element::Int16
               : size == 4 ? Element::Int32
                           : Element::Int64;
    };
    static constexpr struct {
        char characters[3];
        Element element;
    } ALL[] = {
        {"?", Element::Bool},           {"d", Element::Float64},
        {"f", Element::Float32},        {"F", Element::Complex64},
        {"D", Element::Complex128},     {"bB", integer(1)},
        {"hH", integer(sizeof(short))}, {"iI", integer(sizeof(int))},
        {"lL", integer(sizeof(long))},  {"qQ", integer(sizeof(long long))},
        {"g", Element::LongDouble},     {"G", Element::ComplexLongDouble},
    };
    for (const auto& own : ALL) {
        if (character != 0 && (own.characters[0] == character || own.characters[1] == character)) {
            to = own.element;
            return true;
        }
    }
    return false;
}

// What a table of an instruction set has for elements that are not long; null for those.
template <class Table> auto of_element(const Table& all, Element element) -> decltype(&all.uint8) {
    switch (element) {
    case Element::Bool:
        return &all.truth;
    case Element::Int8:
        return &all.uint8;
    case Element::Int16:
        return &all.uint16;
    case Element::Int32:
        return &all.uint32;
    case Element::Int64:
        return &all.uint64;
    case Element::Float32:
        return &all.float32;
    case Element::Float64:
        return &all.float64;
    case Element::Complex64:
        return &all.complex64;
    case Element::Complex128:
        return &all.complex128;
    default:
        return nullptr;
    }
}

namespace {

template <class R> struct Complex {
    R re, im;
};

// A bool of NumPy's: any byte but 0 is true.
struct Bool {
    std::uint8_t byte;
};

template <class T> struct Tag {
    using Type = T;
};

// Calls a function with a tag of the type of elements, which are not long.
template <class Function> inline auto with_element(Element element, const Function& function) {
    switch (element) {
    case Element::Bool:
        return function(Tag<Bool>{});
    case Element::Int8:
        return function(Tag<std::uint8_t>{});
    case Element::Int16:
        return function(Tag<std::uint16_t>{});
    case Element::Int32:
        return function(Tag<std::uint32_t>{});
    case Element::Int64:
        return function(Tag<std::uint64_t>{});
    case Element::Float32:
        return function(Tag<float>{});
    case Element::Float64:
        return function(Tag<double>{});
    case Element::Complex64:
        return function(Tag<Complex<float>>{});
    default:
        return function(Tag<Complex<double>>{});
    }
}

// The same, of any elements.
template <class Function> inline auto with_any_element(Element element, const Function& function) {
    switch (element) {
    case Element::LongDouble:
        return function(Tag<long double>{});
    case Element::ComplexLongDouble:
        return function(Tag<Complex<long double>>{});
    default:
        return with_element(element, function);
    }
}

} // namespace
} // namespace einroute
