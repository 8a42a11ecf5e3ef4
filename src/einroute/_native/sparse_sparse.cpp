// Products of two matrices with compressed rows: Gustavson's algorithm (ACM Trans. Math. Softw. 4, 1978).

#include "sparse_sparse.hpp"

#include "float_status.hpp"
#include "sparse_elements.hpp"
#include "sparse_lines.hpp"
#include "sparse_parts.hpp"
#include "threads.hpp"

#include <atomic>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace einroute {

namespace {

using std::ptrdiff_t;
using std::size_t;

// Products below which the GIL is kept; those that a block should have; and the most blocks.
constexpr double RELEASED = 1 << 12, BLOCK_WORK = 1 << 16;
constexpr ptrdiff_t BLOCKS = 64;
// Products of a block at most, since a signal is heard between blocks.
constexpr double LONGEST = 1 << 24;

// A matrix whose rows are compressed.
template <class I> struct Rows : Lines<I> {
    const char* data;
    size_t rows;
};

// What every product has, whatever its dtype and index type: it is counted, then made.
class Product {
  public:
    virtual ~Product() = default;
    virtual void count(ptrdiff_t block) = 0;
    virtual void multiply(ptrdiff_t block) = 0;

    ptrdiff_t blocks = 1;
    double work = 0;
    std::atomic<bool> sound{true}, failed{false}, cancelled{false};
};

template <class T, class I> class ProductOf final : public Product {
  public:
    ProductOf(const Rows<I>& a, const Rows<I>& b, size_t columns, I* ends)
        : a_(a), b_(b), columns_(columns), ends_(ends) {
        work = static_cast<double>(a.entries) *
               (static_cast<double>(b.entries) / static_cast<double>(b.rows + 1) + 1);
        const double wide = static_cast<double>(columns), least = BLOCK_WORK > wide ? BLOCK_WORK : wide;
        blocks = work / least < BLOCKS ? static_cast<ptrdiff_t>(work / least) + 1 : BLOCKS;
        const double heard = work / (LONGEST > wide ? LONGEST : wide);
        blocks = static_cast<double>(blocks) > heard ? blocks : static_cast<ptrdiff_t>(heard);
    }

    void write_to(I* indices, T* data) {
        indices_ = indices;
        data_ = data;
    }

    // The places that each row has, put where it ends.
    void count(ptrdiff_t block) override {
        const std::unique_ptr<I, Freed> held(static_cast<I*>(std::calloc(columns_ + 1, sizeof(I))));
        I* const seen = held.get(); // one more than the last row that has a place
        if (seen == nullptr) {
            failed = true;
            return;
        }
        for (size_t row = begin(block); row < begin(block + 1); ++row) {
            const I mark = static_cast<I>(row + 1);
            size_t met = 0;
            const bool good = visit(row, [&](size_t, size_t from, size_t end) {
                for (size_t p = from; p < end; ++p) {
                    const size_t column = b_.index(p);
                    if (column >= columns_) {
                        return false;
                    }
                    met += seen[column] != mark;
                    seen[column] = mark;
                }
                return true;
            });
            if (!good) {
                sound = false;
                return;
            }
            ends_[row + 1] = static_cast<I>(met);
        }
    }

    // Each row's sums by place, and the places in the order in which they are met.
    void multiply(ptrdiff_t block) override {
        struct Sum {
            T value;
            I row; // one more than that whose sum it is
        };
        const std::unique_ptr<Sum, Freed> held(static_cast<Sum*>(std::calloc(columns_ + 1, sizeof(Sum))));
        Sum* const sums = held.get();
        if (sums == nullptr) {
            failed = true;
            return;
        }
        for (size_t row = begin(block); row < begin(block + 1); ++row) {
            const I mark = static_cast<I>(row + 1);
            const size_t room = static_cast<size_t>(ends_[row + 1] - ends_[row]);
            I* const places = indices_ + ends_[row];
            size_t met = 0;
            const bool good = visit(row, [&](size_t k, size_t from, size_t end) {
                const T factor = at<T>(a_.data + k * sizeof(T));
                for (size_t p = from; p < end; ++p) {
                    const size_t column = b_.index(p);
                    if (column >= columns_) {
                        return false;
                    }
                    Sum& sum = sums[column];
                    if (sum.row != mark) {
                        if (met == room) { // the arrays changed since they were counted
                            return false;
                        }
                        sum.row = mark;
                        sum.value = T{};
                        places[met++] = static_cast<I>(column);
                    }
                    add_product(sum.value, factor, at<T>(b_.data + p * sizeof(T)));
                }
                return true;
            });
            if (!good || met != room) {
                sound = false;
                return;
            }
            T* const values = data_ + ends_[row];
            bool zero = false;
            for (size_t i = 0; i < met; ++i) {
                values[i] = sums[static_cast<size_t>(places[i])].value;
                zero |= is_zero(values[i]);
            }
            if (zero) {
                cancelled = true;
            }
        }
    }

    // Leaves zeros out.
    void clean() {
        I to = 0, low = 0;
        for (size_t row = 0; row < a_.rows; ++row) {
            const I high = ends_[row + 1];
            for (I k = low; k < high; ++k) {
                if (!is_zero(data_[k])) {
                    indices_[to] = indices_[k];
                    data_[to++] = data_[k];
                }
            }
            ends_[row + 1] = to;
            low = high;
        }
    }

  private:
    size_t begin(ptrdiff_t block) const {
        return a_.rows * static_cast<size_t>(block) / static_cast<size_t>(blocks);
    }

    // Calls a function for each entry of a row of a, with the range of its row of b; false where that is
    // none.
    template <class Function> bool visit(size_t row, const Function& function) const {
        size_t low, high;
        if (!a_.range(row, low, high)) {
            return false;
        }
        for (size_t k = low; k < high; ++k) {
            const size_t middle = a_.index(k);
            size_t from, end;
            if (middle >= b_.rows || !b_.range(middle, from, end) || !function(k, from, end)) {
                return false;
            }
        }
        return true;
    }

    const Rows<I> a_, b_;
    const size_t columns_;
    I* const ends_;
    I* indices_ = nullptr;
    T* data_ = nullptr;
};

void count_block(void* context, long index) {
    static_cast<Product*>(context)->count(index);
}

void multiply_block(void* context, long index) {
    static_cast<Product*>(context)->multiply(index);
    clear_status();
}

// Runs all blocks; false with an exception set if a signal's handler raised one, or there is no memory.
bool run(Product& product, Block block, int threads) {
    if (product.work < RELEASED) {
        for (ptrdiff_t i = 0; i < product.blocks; ++i) {
            block(&product, static_cast<long>(i));
        }
    } else if (!run_blocks(static_cast<long>(product.blocks), threads, block, &product)) {
        return false;
    }
    if (product.failed) {
        PyErr_NoMemory();
    }
    return !product.failed;
}

// The first entries of a vector, in one of its own.
PyObject* shortened(PyArrayObject* x, npy_intp count) {
    PyObject* made = PyArray_SimpleNew(1, &count, PyArray_TYPE(x));
    if (made != nullptr) {
        std::memcpy(PyArray_DATA(reinterpret_cast<PyArrayObject*>(made)), PyArray_DATA(x),
                    static_cast<size_t>(count * PyArray_ITEMSIZE(x)));
    }
    return made;
}

template <class T, class I>
PyObject* multiplied(PyArrayObject* const (&parts)[6], npy_intp columns, int threads) {
    const auto rows_of = [&](int first) {
        const npy_intp there = PyArray_DIM(parts[first + 1], 0), values = PyArray_DIM(parts[first + 2], 0);
        return Rows<I>{{static_cast<const I*>(PyArray_DATA(parts[first])),
                        static_cast<const I*>(PyArray_DATA(parts[first + 1])),
                        static_cast<size_t>(there < values ? there : values)},
                       PyArray_BYTES(parts[first + 2]),
                       static_cast<size_t>(PyArray_DIM(parts[first], 0) - 1)};
    };
    const int index_type = sizeof(I) == 4 ? NPY_INT32 : NPY_INT64, type = PyArray_TYPE(parts[2]);
    npy_intp length = PyArray_DIM(parts[0], 0), total = 0;
    const Held indptr(PyArray_ZEROS(1, &length, index_type, 0));
    if (!indptr) {
        return nullptr;
    }
    I* ends = static_cast<I*>(PyArray_DATA(indptr.array()));
    ProductOf<T, I> product(rows_of(0), rows_of(3), static_cast<size_t>(columns), ends);
    if (!run(product, count_block, threads)) {
        return nullptr;
    }
    if (!product.sound) {
        Py_RETURN_NONE;
    }
    for (npy_intp row = 1; row < length; ++row) {
        total += static_cast<npy_intp>(ends[row]);
        if (sizeof(I) == 4 && total > INT_MAX) {
            Py_RETURN_FALSE;
        }
        ends[row] = static_cast<I>(total);
    }
    const Held indices(PyArray_SimpleNew(1, &total, index_type)), data(PyArray_SimpleNew(1, &total, type));
    if (!indices || !data) {
        return nullptr;
    }
    product.write_to(static_cast<I*>(PyArray_DATA(indices.array())),
                     static_cast<T*>(PyArray_DATA(data.array())));
    if (!run(product, multiply_block, threads)) {
        return nullptr;
    }
    if (!product.sound) {
        Py_RETURN_NONE;
    }
    if (!product.cancelled) {
        return PyTuple_Pack(3, indptr.object, indices.object, data.object);
    }
    product.clean();
    const npy_intp left = static_cast<npy_intp>(ends[length - 1]);
    const Held few(shortened(indices.array(), left)), values(shortened(data.array(), left));
    return few && values ? PyTuple_Pack(3, indptr.object, few.object, values.object) : nullptr;
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
          are_indices(parts[0], parts[3]) &&
          PyArray_EquivTypenums(PyArray_TYPE(parts[2]), PyArray_TYPE(parts[5])) &&
          PyArray_DIM(parts[0], 0) > 0 && PyArray_DIM(parts[3], 0) > 0;
    Element element;
    if (!fit || !element_of(PyArray_DESCR(parts[2])->type, element) || is_long(element)) {
        PyErr_SetString(PyExc_ValueError, "the arrays do not fit each other, or are of no plain dtype");
        return nullptr;
    }
    const bool wide = PyArray_ITEMSIZE(parts[0]) == 8;
    return with_element(element, [&](auto tag) {
        using T = typename decltype(tag)::Type;
        return wide ? multiplied<T, std::int64_t>(parts, columns, threads)
                    : multiplied<T, std::int32_t>(parts, columns, threads);
    });
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
