// Products of two matrices with compressed rows: Gustavson's algorithm (ACM Trans. Math. Softw. 4, 1978).

#include "sparse_sparse.hpp"

#include "float_status.hpp"
#include "sparse_elements.hpp"
#include "sparse_parts.hpp"
#include "threads.hpp"

#include <atomic>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace einroute {

namespace {

using std::ptrdiff_t;
using std::size_t;

// Products below which the GIL is kept; those that a block should have; and the most blocks.
constexpr double RELEASED = 1 << 12, BLOCK_WORK = 1 << 16;
constexpr ptrdiff_t BLOCKS = 64;

struct Freed {
    void operator()(void* p) const { std::free(p); }
};

template <class I> struct Rows {
    const I *indptr, *indices;
    const char* data;
    size_t rows, entries;

    bool range(size_t row, size_t& low, size_t& high) const {
        low = static_cast<size_t>(static_cast<std::int64_t>(indptr[row]));
        high = static_cast<size_t>(static_cast<std::int64_t>(indptr[row + 1]));
        return low <= high && high <= entries;
    }

    size_t index(size_t k) const { return static_cast<size_t>(static_cast<std::int64_t>(indices[k])); }
};

// Rows of the result that one block makes, one after the other.
struct Made {
    std::unique_ptr<char, Freed> indices, data;
    size_t count = 0, room = 0;

    // Room for so many more entries; false where there is no memory.
    bool reserve(size_t more, size_t index, size_t item) {
        if (count + more <= room) {
            return true;
        }
        const size_t wanted = count + more > 2 * room ? count + more : 2 * room;
        char* grown = static_cast<char*>(std::realloc(indices.get(), wanted * index));
        if (grown == nullptr) {
            return false;
        }
        (void)indices.release();
        indices.reset(grown);
        grown = static_cast<char*>(std::realloc(data.get(), wanted * item));
        if (grown == nullptr) {
            return false;
        }
        (void)data.release();
        data.reset(grown);
        room = wanted;
        return true;
    }
};

// What every product has, whatever its dtype and index type.
class Product {
  public:
    virtual ~Product() = default;
    virtual void multiply(ptrdiff_t block) = 0;

    ptrdiff_t blocks = 1;
    Made made[BLOCKS];
    ptrdiff_t cuts[BLOCKS + 1];
    std::atomic<bool> sound{true}, failed{false};
};

template <class T, class I> class ProductOf final : public Product {
  public:
    ProductOf(const Rows<I>& a, const Rows<I>& b, size_t columns, I* ends)
        : a_(a), b_(b), columns_(columns), ends_(ends) {
        const double products = static_cast<double>(a.entries) *
                                (static_cast<double>(b.entries) / static_cast<double>(b.rows + 1) + 1);
        const double least =
            BLOCK_WORK > static_cast<double>(columns) ? BLOCK_WORK : static_cast<double>(columns);
        blocks = products / least < BLOCKS ? static_cast<ptrdiff_t>(products / least) + 1 : BLOCKS;
        work = products;
        for (ptrdiff_t i = 0; i <= blocks; ++i) {
            cuts[i] = static_cast<ptrdiff_t>(a.rows) * i / blocks;
        }
    }

    // Each row's sums by place, and the places in the order in which they were met.
    void multiply(ptrdiff_t block) override {
        struct Sum {
            T value;
            size_t row; // one more than that whose sum it is
        };
        const std::unique_ptr<Sum, Freed> held(static_cast<Sum*>(std::calloc(columns_ + 1, sizeof(Sum))));
        Sum* sums = held.get();
        Made& to = made[block];
        for (ptrdiff_t row = cuts[block]; row < cuts[block + 1]; ++row) {
            size_t low, high, most = 0;
            if (!a_.range(static_cast<size_t>(row), low, high) || !bound(low, high, most)) {
                sound = false;
                return;
            }
            if (sums == nullptr || !to.reserve(most, sizeof(I), sizeof(T))) {
                failed = true;
                return;
            }
            I* places = reinterpret_cast<I*>(to.indices.get()) + to.count;
            size_t met = 0;
            for (size_t k = low; k < high; ++k) {
                const T factor = at<T>(a_.data + k * sizeof(T));
                const size_t middle = a_.index(k);
                size_t from, end;
                if (middle >= b_.rows || !b_.range(middle, from, end)) {
                    sound = false;
                    return;
                }
                for (size_t p = from; p < end; ++p) {
                    const size_t column = b_.index(p);
                    if (column >= columns_) {
                        sound = false;
                        return;
                    }
                    Sum& sum = sums[column];
                    if (sum.row != static_cast<size_t>(row) + 1) {
                        if (met == most) { // rows grew meanwhile
                            sound = false;
                            return;
                        }
                        sum.row = static_cast<size_t>(row) + 1;
                        sum.value = T{};
                        places[met++] = static_cast<I>(column);
                    }
                    add_product(sum.value, factor, at<T>(b_.data + p * sizeof(T)));
                }
            }
            T* values = reinterpret_cast<T*>(to.data.get()) + to.count;
            size_t kept = 0;
            for (size_t i = 0; i < met; ++i) {
                const T value = sums[static_cast<size_t>(places[i])].value;
                places[kept] = places[i];
                values[kept] = value;
                kept += !is_zero(value);
            }
            to.count += kept;
            ends_[row + 1] = static_cast<I>(kept);
        }
    }

    double work;

  private:
    // Entries that a row may have.
    bool bound(size_t low, size_t high, size_t& most) const {
        for (size_t k = low; k < high; ++k) {
            const size_t middle = a_.index(k);
            size_t from, end;
            if (middle >= b_.rows || !b_.range(middle, from, end)) {
                return false;
            }
            most += end - from;
        }
        most = most < columns_ ? most : columns_;
        return true;
    }

    Rows<I> a_, b_;
    size_t columns_;
    I* ends_;
};

template <class T> struct Tag {
    using Type = T;
};

// Calls a function with a tag of the elements' type; integers of a size are one.
template <class Function> bool with_element(int type, const Function& function) {
    switch (type) {
    case NPY_BOOL:
        return function(Tag<Bool>{});
    case NPY_FLOAT:
        return function(Tag<float>{});
    case NPY_DOUBLE:
        return function(Tag<double>{});
    case NPY_CFLOAT:
        return function(Tag<Complex<float>>{});
    case NPY_CDOUBLE:
        return function(Tag<Complex<double>>{});
    default:
        break;
    }
    if (!PyTypeNum_ISINTEGER(type)) {
        return false;
    }
    PyArray_Descr* descr = PyArray_DescrFromType(type);
    const npy_intp size = PyDataType_ELSIZE(descr);
    Py_DECREF(descr);
    return size == 1   ? function(Tag<std::uint8_t>{})
           : size == 2 ? function(Tag<std::uint16_t>{})
           : size == 4 ? function(Tag<std::uint32_t>{})
                       : function(Tag<std::uint64_t>{});
}

void run_block(void* context, long index) {
    static_cast<Product*>(context)->multiply(index);
    clear_status();
}

struct Copy {
    Product* product;
    char *indices, *data;
    ptrdiff_t index, item;
    ptrdiff_t starts[BLOCKS + 1];
};

void copy_block(void* context, long block) {
    const Copy& copy = *static_cast<Copy*>(context);
    const Made& from = copy.product->made[block];
    if (from.count) {
        std::memcpy(copy.indices + copy.starts[block] * copy.index, from.indices.get(),
                    from.count * static_cast<size_t>(copy.index));
        std::memcpy(copy.data + copy.starts[block] * copy.item, from.data.get(),
                    from.count * static_cast<size_t>(copy.item));
    }
}

// The blocks' rows as one; null with an exception where there is no memory, or Py_False if they are too many.
template <class I>
PyObject* put_together(Product& product, PyArrayObject* indptr, int index_type, int type, int threads) {
    Copy copy{&product, nullptr, nullptr, sizeof(I), 0, {0}};
    for (ptrdiff_t i = 0; i < product.blocks; ++i) {
        copy.starts[i + 1] = copy.starts[i] + static_cast<ptrdiff_t>(product.made[i].count);
    }
    npy_intp total = copy.starts[product.blocks];
    if (sizeof(I) == 4 && total > INT_MAX) {
        Py_RETURN_FALSE;
    }
    I* ends = static_cast<I*>(PyArray_DATA(indptr));
    const npy_intp rows = PyArray_DIM(indptr, 0) - 1;
    for (npy_intp row = 0; row < rows; ++row) {
        ends[row + 1] = static_cast<I>(ends[row] + ends[row + 1]);
    }
    const Held indices(PyArray_SimpleNew(1, &total, index_type)), data(PyArray_SimpleNew(1, &total, type));
    if (!indices || !data) {
        return nullptr;
    }
    copy.indices = PyArray_BYTES(indices.array());
    copy.data = PyArray_BYTES(data.array());
    copy.item = PyArray_ITEMSIZE(data.array());
    if (product.blocks == 1) {
        copy_block(&copy, 0);
    } else if (!run_blocks(static_cast<long>(product.blocks), threads, copy_block, &copy)) {
        return nullptr;
    }
    return PyTuple_Pack(3, reinterpret_cast<PyObject*>(indptr), indices.object, data.object);
}

template <class T, class I>
PyObject* multiplied(PyArrayObject* const (&parts)[6], npy_intp columns, int threads) {
    const auto rows_of = [&](int first) {
        const npy_intp there = PyArray_DIM(parts[first + 1], 0), values = PyArray_DIM(parts[first + 2], 0);
        return Rows<I>{static_cast<const I*>(PyArray_DATA(parts[first])),
                       static_cast<const I*>(PyArray_DATA(parts[first + 1])), PyArray_BYTES(parts[first + 2]),
                       static_cast<size_t>(PyArray_DIM(parts[first], 0) - 1),
                       static_cast<size_t>(there < values ? there : values)};
    };
    const Rows<I> a = rows_of(0), b = rows_of(3);
    const int index_type = sizeof(I) == 4 ? NPY_INT32 : NPY_INT64;
    npy_intp length = PyArray_DIM(parts[0], 0);
    const Held indptr(PyArray_ZEROS(1, &length, index_type, 0));
    if (!indptr) {
        return nullptr;
    }
    I* ends = static_cast<I*>(PyArray_DATA(indptr.array()));
    const std::unique_ptr<ProductOf<T, I>> product(
        new (std::nothrow) ProductOf<T, I>(a, b, static_cast<size_t>(columns), ends));
    if (!product) {
        return PyErr_NoMemory();
    }
    Product* base = product.get();
    if (product->work < RELEASED) {
        for (ptrdiff_t i = 0; i < product->blocks; ++i) {
            run_block(base, static_cast<long>(i));
        }
    } else if (!run_blocks(static_cast<long>(product->blocks), threads, run_block, base)) {
        return nullptr;
    }
    if (product->failed) {
        return PyErr_NoMemory();
    }
    if (!product->sound) {
        Py_RETURN_NONE;
    }
    return put_together<I>(*product, indptr.array(), index_type, PyArray_TYPE(parts[2]), threads);
}

PyObject* multiply_sparse(PyObject*, PyObject* args) {
    PyArrayObject* parts[6];
    Py_ssize_t columns;
    int threads;
    if (!PyArg_ParseTuple(args, "O!O!O!O!O!O!ni:multiply_sparse", &PyArray_Type, &parts[0], &PyArray_Type,
                          &parts[1], &PyArray_Type, &parts[2], &PyArray_Type, &parts[3], &PyArray_Type,
                          &parts[4], &PyArray_Type, &parts[5], &columns, &threads)) {
        return nullptr;
    }
    bool fit = columns >= 0;
    for (PyArrayObject* part : parts) {
        fit = fit && is_plain_vector(reinterpret_cast<PyObject*>(part));
    }
    fit = fit && are_indices(parts[0], parts[1]) && are_indices(parts[3], parts[4]) &&
          are_indices(parts[0], parts[3]) && PyArray_TYPE(parts[2]) == PyArray_TYPE(parts[5]) &&
          PyArray_DIM(parts[0], 0) > 0 && PyArray_DIM(parts[3], 0) > 0;
    PyObject* result = nullptr;
    const bool wide = fit && PyArray_ITEMSIZE(parts[0]) == 8;
    if (!fit || !with_element(PyArray_TYPE(parts[2]), [&](auto tag) {
            using T = typename decltype(tag)::Type;
            result = wide ? multiplied<T, std::int64_t>(parts, columns, threads)
                          : multiplied<T, std::int32_t>(parts, columns, threads);
            return true;
        })) {
        PyErr_SetString(PyExc_ValueError, "the arrays do not fit each other, or are of no plain dtype");
    }
    return result;
}

PyMethodDef methods[] = {
    {"multiply_sparse", multiply_sparse, METH_VARARGS,
     "multiply_sparse(indptr, indices, data, indptr2, indices2, data2, columns, threads, /)\n--\n\n"
     "Pointers, indices and values of the product of two matrices whose rows are compressed: each place "
     "once, "
     "the\n"
     "rows not sorted, zeros left out. None where pointers decrease or an index is out of range; False "
     "where\n"
     "32-bit pointers are too narrow."},
    {nullptr, nullptr, 0, nullptr},
};

} // namespace

int add_sparse_sparse(PyObject* module) {
    return PyModule_AddFunctions(module, methods);
}

} // namespace einroute
